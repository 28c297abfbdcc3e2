//! Imports of accounts: good records are opened, bad ones are quarantined with their reason, and mended ones are taken.

use evenkeel::axum::http::Method;
use serde_json::{Value as Json, json};

use crate::running::{Ledger, NO_BANK};

const HEAD: &str = "reference,currency,overdraft";

#[tokio::test]
async fn good_records_open_accounts_and_bad_ones_wait_in_the_quarantine_for_their_mended_form() {
    let ledger = Ledger::start(NO_BANK).await;
    let csv = format!("{HEAD}\na-1,EUR,100\nb-2,EURO,100\nc-3,EUR,5\na-1,EUR,7");
    for _ in 0..2 {
        let answer = ledger.post("/v1/imports", "import", &json!({ "csv": csv })).await;
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.json::<Json>().unwrap(), json!({ "accepted": 2, "quarantined": 2 }));
    }
    let quarantine = async || {
        let list = ledger.order(Method::GET, "/quarantine", &json!({})).await.json::<Json>().unwrap();
        list["records"].as_array().unwrap().clone()
    };
    let bad = quarantine().await;
    let reasons: Vec<&str> = bad.iter().map(|bad| bad["reason"].as_str().unwrap()).collect();
    assert_eq!(
        reasons,
        ["currency: it has three capitals, as in EUR", "reference: there is an account of this reference"]
    );
    assert_eq!((&bad[0]["key"], &bad[0]["record"]), (&json!("b-2"), &json!("b-2,EURO,100")));
    let retry = async |record: &str| {
        let body = json!({ "record": record, "author": "ada", "reason": "a typing error" });
        ledger.order(Method::POST, &format!("/quarantine/{}/retry", bad[0]["id"]), &body).await.status.as_u16()
    };
    assert_eq!(retry("b-2,EURO,100").await, 422);
    assert_eq!(retry("b-2,EUR,100").await, 204);
    assert_eq!(retry("b-2,EUR,100").await, 404, "it is there no more");
    let opened = ledger.order(Method::GET, "/imports/b-2", &json!({})).await.json::<Json>().unwrap();
    assert_eq!(ledger.balance(opened["account"].as_str().unwrap()).await, 0);
    let drop = json!({ "confirm": bad[1]["id"], "author": "ada", "reason": "it was there already" });
    let dropped = ledger.order(Method::POST, &format!("/quarantine/{}/drop", bad[1]["id"]), &drop).await;
    assert_eq!((dropped.status.as_u16(), quarantine().await.len()), (204, 0));
    let metrics = ledger.metrics("text/plain").await;
    for line in [r#"import_accepted_total{source="accounts"} 2"#, r#"import_quarantined_total{source="accounts"} 2"#] {
        assert!(metrics.contains(line), "{line} is not in the metrics");
    }
    assert!(ledger.books_are_right().await);
}

#[tokio::test]
async fn an_import_without_its_head_is_refused_as_a_whole() {
    let ledger = Ledger::start(NO_BANK).await;
    let answer = ledger.post("/v1/imports", "import", &json!({ "csv": "a-1,EUR,100" })).await;
    assert_eq!(
        (answer.status.as_u16(), ledger.order(Method::GET, "/imports/a-1", &json!({})).await.status.as_u16()),
        (422, 404)
    );
}
