//! The judge of `border.problem` on errors without a server.

use serde_json::json;

use super::*;
use crate::finding::{Bearing, Verdict};
use crate::testing::exchange::{answered, unanswered};

const PROBLEM: &str = r#"{"type":"about:blank","title":"No such thing","status":404}"#;

fn error(status: u16, kind: &str, id: &str, body: &str) -> Exchange {
    answered(status, &[("content-type", kind), ("x-request-id", id)], body)
}

/// Bearings of a problem document, of its id, and of hidden internals.
fn good(exchange: &Exchange) -> Vec<bool> {
    examine_error("an error", exchange).0.iter().map(Evidence::is_for).collect()
}

#[test]
fn an_error_is_judged_by_its_form_its_id_and_what_it_shows() {
    let kind = "application/problem+json";
    assert_eq!(good(&error(404, kind, "a1", PROBLEM)), [true, true, true]);
    assert_eq!(good(&error(404, "text/plain", "a1", "not found")), [false, true, true]);
    assert_eq!(good(&answered(404, &[("content-type", kind)], PROBLEM)), [true, false, true]);
    let leak = r#"{"type":"a","title":"goroutine 12 [running]","status":404}"#;
    assert_eq!(good(&error(404, kind, "a1", leak)), [true, true, false]);
}

#[test]
fn a_problem_document_has_a_type_a_title_and_the_status_of_its_answer() {
    let form = |document: Value| form("application/problem+json", Some(&document), 404);
    assert_eq!(form(json!({ "type": "a", "title": "b", "status": 404 })), Vec::<String>::new());
    assert_eq!(form(json!({ "type": "a", "title": "b", "status": 200 })), ["its status is 200"]);
    assert_eq!(form(json!({ "type": "a", "status": 404 })), ["no title"]);
    assert_eq!(form(json!({ "title": "b", "status": 404 })), ["no type"]);
}

#[test]
fn each_error_has_a_request_id_of_its_own() {
    let seen = |ids: [&str; 2]| {
        let mut seen = Seen::default();
        for id in ids {
            seen.look("an error", &error(500, "application/problem+json", id, &PROBLEM.replace("404", "500")), true);
        }
        seen.finding(true).verdict()
    };
    assert_eq!(seen(["a", "b"]), Verdict::Holds);
    assert_eq!(seen(["a", "a"]), Verdict::FallsShort);
}

#[test]
fn a_missing_answer_is_against_it_where_an_answer_must_come() {
    let bearing = |must| {
        let mut seen = Seen::default();
        seen.look("a method", &unanswered(), must);
        seen.evidence[0].bearing()
    };
    assert_eq!((bearing(true), bearing(false)), (Bearing::Against, Bearing::Gap));
}
