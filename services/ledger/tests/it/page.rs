//! The page for people: its forms do what they say, once, and nothing runs in it that is not its own.

use crate::running::{Ledger, NO_BANK};
use evenkeel::url::form_urlencoded;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The status and the place that a browser is sent to when it submits a form.
async fn submit(ledger: &Ledger, path: &str, fields: &[(&str, &str)], headers: &str) -> (u16, String) {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: ledger.example\r\nconnection: close\r\ncontent-length: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\n{headers}\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect(ledger.address()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let status = answer.split_whitespace().nth(1).unwrap().parse().unwrap();
    let location = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_default();
    (status, location.trim().to_owned())
}

async fn shown(ledger: &Ledger, path: &str) -> String {
    let page = ledger.get(path).await;
    assert_eq!(page.status, 200);
    String::from_utf8(page.body.to_vec()).unwrap()
}

#[tokio::test]
async fn a_form_opens_an_account_and_a_repeated_form_moves_money_once() {
    let ledger = Ledger::start(NO_BANK).await;
    let to = ledger.account("to", 0).await;
    let opened =
        submit(&ledger, "/accounts", &[("key", "form-1"), ("currency", "EUR"), ("overdraft", "500")], "").await;
    assert_eq!(opened, (303, "/?said=opened".to_owned()));
    let accounts: serde_json::Value = ledger.get("/v1/accounts").await.json().unwrap();
    let from = accounts["items"][1]["id"].as_str().unwrap();

    let fields = [("key", "form-2"), ("from", from), ("to", &to), ("amount", "120")];
    for _ in 0..2 {
        let moved = submit(&ledger, "/transfers", &fields, "sec-fetch-site: same-origin\r\n").await;
        assert_eq!(moved, (303, "/?said=moved".to_owned()));
    }
    assert_eq!((ledger.balance(from).await, ledger.balance(&to).await), (-120, 120));
    assert!(shown(&ledger, "/?said=moved").await.contains("Done"));
}

#[tokio::test]
async fn a_refused_transfer_is_reported_on_the_page() {
    let ledger = Ledger::start(NO_BANK).await;
    let (from, to) = (ledger.account("from", 0).await, ledger.account("to", 0).await);
    let fields = [("key", "form"), ("from", &from), ("to", &to), ("amount", "1")];
    let (status, location) = submit(&ledger, "/transfers", &fields, "").await;
    assert_eq!(status, 303);
    assert!(shown(&ledger, &location).await.contains("Nothing was moved"), "{location}");
    assert_eq!(ledger.balance(&to).await, 0);
}

#[tokio::test]
async fn a_mistyped_field_is_reported_on_the_page() {
    let ledger = Ledger::start(NO_BANK).await;
    let (from, to) = (ledger.account("from", 100).await, ledger.account("to", 0).await);
    for (to, amount) in [(&to, "0"), (&to, "1.5"), (&to, ""), (&from, "5")] {
        let fields = [("key", "form"), ("from", from.as_str()), ("to", to), ("amount", amount)];
        let (status, location) = submit(&ledger, "/transfers", &fields, "").await;
        assert_eq!(status, 303, "{amount:?}");
        assert!(shown(&ledger, &location).await.contains("Nothing was moved"), "{amount:?}: {location}");
    }
    let fields = [("key", "form"), ("currency", "euro"), ("overdraft", "0")];
    let (status, location) = submit(&ledger, "/accounts", &fields, "").await;
    assert_eq!(status, 303);
    assert!(shown(&ledger, &location).await.contains("No account was opened"), "{location}");
}

#[tokio::test]
async fn a_form_from_another_site_moves_nothing() {
    let ledger = Ledger::start(NO_BANK).await;
    let (from, to) = (ledger.account("from", 100).await, ledger.account("to", 0).await);
    let fields = [("key", "form"), ("from", from.as_str()), ("to", &to), ("amount", "5")];
    for header in ["sec-fetch-site: cross-site\r\n", "origin: https://evil.example\r\n"] {
        assert_eq!(submit(&ledger, "/transfers", &fields, header).await.0, 403, "{header}");
    }
    assert_eq!(submit(&ledger, "/transfers", &fields, "origin: http://ledger.example\r\n").await.0, 303);
    assert_eq!(ledger.balance(&to).await, 5);
}

#[tokio::test]
async fn the_page_lets_nothing_run_that_is_not_its_own() {
    let ledger = Ledger::start(NO_BANK).await;
    ledger.account("account", 100).await;
    let page = ledger.get("/?said=%3Cscript%3E").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap().to_owned();
    for directive in ["default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(directive), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(text.contains("<form") && text.contains("acc_"), "{text}");
    for never in ["<script", "style=", "<style", "onclick", "javascript:"] {
        assert!(!text.contains(never), "{never}: {text}");
    }
}

#[tokio::test]
async fn every_field_of_the_page_has_a_label() {
    let ledger = Ledger::start(NO_BANK).await;
    let text = shown(&ledger, "/").await;
    let fields = text.matches("<input").count() + text.matches("<select").count();
    let hidden = text.matches("type=\"hidden\"").count();
    assert_eq!(text.matches("<label").count(), fields - hidden, "{text}");
}
