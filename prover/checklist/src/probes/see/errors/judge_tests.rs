//! The judges of `see.errors` on reports without a server.

use serde_json::{Value, json};

use super::judge::{Expected, Group, MOST_REPORTS, clean, grouped, groups, judge_report, limited, rises, same};
use crate::subject::ErrorList;

fn expected() -> Expected {
    let text = str::to_owned;
    Expected {
        method: text("POST"),
        path: text("/orders/7"),
        traces: vec![text("0af7651916cd43dd8448eb211c80319c")],
        agent: text("keel-errors/1"),
        causes: vec![text("bank"), text("127.0.0.1:9")],
    }
}

fn report() -> Value {
    json!({
        "request": { "method": "POST", "url": "http://shop/orders/7", "headers": { "User-Agent": "keel-errors/1" } },
        "trace": { "trace_id": "0af7651916cd43dd8448eb211c80319c" },
        "error": "connect to 127.0.0.1:9", "place": "src/orders.rs:12",
        "service": { "version": "1.2", "commit": "abc", "host": "a" },
        "logs": [{ "message": "slow" }],
    })
}

#[test]
fn each_part_that_a_report_lacks_is_named() {
    assert!(judge_report(&report(), &expected()).0);
    let parts = [
        ("/request/url", "the path"),
        ("/request/method", "the method"),
        ("/request/headers/User-Agent", "the header User-Agent"),
        ("/trace/trace_id", "the trace id"),
        ("/error", "the cause"),
        ("/place", "a place in the source"),
        ("/service/version", "the version"),
        ("/service/commit", "the commit"),
        ("/service/host", "the host"),
        ("/logs", "what came before"),
    ];
    for (pointer, what) in parts {
        let mut without = report();
        *without.pointer_mut(pointer).unwrap() = Value::from("");
        assert_eq!(judge_report(&without, &expected()), (false, format!("a report lacks {what}")), "{pointer}");
    }
}

#[test]
fn the_version_of_the_sdk_is_not_that_of_the_service_and_words_are_whole() {
    let mut other = report();
    other["service"] = json!({ "commit": "abc", "host": "a" });
    other["sdk"] = json!({ "version": "2" });
    assert!(judge_report(&other, &expected()).1.ends_with("the version"));
    other["release"] = json!("shop@1");
    assert!(judge_report(&other, &expected()).0);
    other["request"]["method"] = json!("POSTED");
    assert!(judge_report(&other, &expected()).1.ends_with("the method"));
}

#[test]
fn forms_of_other_reporters_are_understood() {
    let mut other = report();
    other["place"] = Value::Null;
    other["exception"] =
        json!({ "values": [{ "stacktrace": { "frames": [{ "filename": "app.py", "lineno": 12 }] } }] });
    other["logs"] = Value::Null;
    other["breadcrumbs"] = json!({ "values": [{ "message": "slow" }] });
    other["service"] = json!({ "version": "1" });
    other["tags"] = json!([["commit", "abc"], ["server_name", "a"]]);
    assert_eq!(judge_report(&other, &expected()), (true, judge_report(&report(), &expected()).1));
    other["breadcrumbs"] = json!({ "values": [] });
    assert!(!judge_report(&other, &expected()).0);
}

#[test]
fn equal_failures_are_one_group_that_counts_them() {
    let group = |id: &str, count| Group { id: id.to_owned(), count };
    let before = [group("a", 3)];
    let rose = rises(&before, &[group("a", 103), group("b", 1)]);
    assert_eq!(rose, [("a".to_owned(), 100), ("b".to_owned(), 1)]);
    assert!(grouped(&rose, 100).0);
    assert!(!grouped(&[("a".to_owned(), 1)], 100).0, "it counts one");
    let each: Vec<(String, u64)> = (0..100).map(|number| (number.to_string(), 1)).collect();
    assert!(!grouped(&each, 100).0 && !grouped(&[], 100).0);
    assert!(!grouped(&[("a".to_owned(), 200)], 100).0, "it counts others too");
    let list =
        ErrorList { rows: "/all".to_owned(), id: "/n".to_owned(), count: "/c".to_owned(), ..ErrorList::default() };
    assert_eq!(groups(&json!({ "all": [{ "n": 7, "c": 3 }, { "n": "x" }] }), &list), [group("7", 3)]);
}

#[test]
fn a_few_reports_may_come_and_no_more() {
    assert!(limited(1, 100).0 && limited(MOST_REPORTS, 100).0 && !limited(MOST_REPORTS + 1, 100).0);
}

#[test]
fn a_secret_in_any_report_is_seen() {
    let secrets = ["h3ader".to_owned(), "b0dy".to_owned()];
    assert!(clean(&[report()], &secrets).0);
    let leaks = |text: &str| clean(&[report(), json!({ "extra": [{ "deep": format!("x{text}y") }] })], &secrets);
    assert!(leaks("h3ader").1.contains("a header") && leaks("b0dy").1.contains("a body"));
    assert!(!leaks("h3ader").0 && !leaks("b0dy").0);
}

#[test]
fn events_of_one_fingerprint_or_of_one_type_and_transaction_are_one_group() {
    let event = |fingerprint: &str| json!({ "fingerprint": [fingerprint] });
    assert!(same(&[event("a"), event("a")]).0 && !same(&[event("a"), event("b")]).0 && !same(&[]).0);
    let typed =
        |name: &str| json!({ "transaction": "/", "exception": { "values": [{ "type": name, "value": name }] } });
    assert!(same(&[typed("A"), typed("A")]).0 && !same(&[typed("A"), typed("B")]).0);
}
