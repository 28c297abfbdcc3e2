//! `call.breaker-manual` on its specimens.

use serde_json::json;
use tokio::join;

use super::has_time;
use crate::clause::call::breaker_manual::{AUDIT, RELEASE, TRIP};
use crate::finding::{Finding, Verdict};
use crate::subject::{Dependencies, Lever, Subject};
use crate::testing::{calls_for_prices, examine_declared, falls_short, holds, holds_but_for, is_unknown};

const ID: &str = "call.breaker-manual";

async fn examine(name: &str) -> Finding {
    let with_levers = |subject: &mut Subject| {
        calls_for_prices(subject);
        subject.health = Some("/health".to_owned());
        let Dependencies::Declared(declared) = &mut subject.dependencies else { return };
        let lever = |method: &str, json| Lever { method: method.to_owned(), path: "/breakers/prices".to_owned(), json };
        declared[0].trip = Some(lever("PUT", Some(json!({ "open": true, "by": "{author}", "why": "{reason}" }))));
        declared[0].release = Some(lever("DELETE", None));
    };
    examine_declared(ID, name, with_levers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lever_stops_calls_and_tells_who_pulled_it_and_when() {
    let (audited, undated) = join!(examine("lever-audited"), examine("lever-undated"));
    holds(&audited);
    holds_but_for(&undated, &[AUDIT]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lever_that_is_not_shown_or_not_obeyed_falls_short() {
    let (anonymous, cosmetic, stuck) =
        join!(examine("lever-anonymous"), examine("lever-cosmetic"), examine("lever-stuck"));
    falls_short(&anonymous, &["neither health nor metrics", "was not printed"]);
    assert_eq!(cosmetic.verdict_on(TRIP), Some(Verdict::FallsShort), "{cosmetic:#?}");
    assert_eq!(stuck.verdict_on(RELEASE), Some(Verdict::FallsShort), "{stuck:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lever_that_is_not_declared_is_not_pulled() {
    is_unknown(&examine_declared(ID, "call-good", calls_for_prices).await, "declare `trip` and `release`");
}

#[test]
fn a_time_is_known_by_its_shape() {
    assert!(has_time(r#"{"by":"keel-1","at":"2026-11-29T13:40:35Z"}"#));
    assert!(has_time("2026-11-29 13:40:35 INFO pulled by keel-1"));
    assert!(has_time(r#"{"by":"keel-1","at":1796000000123}"#));
    assert!(!has_time(r#"{"by":"keel-41234","open":true}"#));
}
