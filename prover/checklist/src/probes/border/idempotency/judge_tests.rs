//! The judges of `border.idempotency` on answers and counts without a server.

use super::*;
use crate::finding::Bearing;
use crate::testing::exchange::{answered, json, unanswered};

#[test]
fn one_answer_must_have_one_effect() {
    let bearing = |seen| judged(clause::ONCE, seen, "it").bearing();
    assert_eq!(bearing(Seen::Times(1)), Bearing::For);
    assert_eq!(bearing(Seen::There), Bearing::For);
    assert_eq!(bearing(Seen::Times(2)), Bearing::Against);
    assert_eq!(bearing(Seen::Times(0)), Bearing::Gap, "no effect shows");
    assert_eq!(bearing(Seen::Unclear), Bearing::Gap);
}

#[test]
fn answers_are_the_same_by_status_and_document_or_by_what_they_name() {
    let spec = RequestSpec { save: [("thing".to_owned(), "/id".to_owned())].into(), ..RequestSpec::default() };
    let made = |status, id: &str, at: u32| json(status, &json!({ "id": id, "at": at }));
    assert!(same(&spec, &made(201, "a", 1), &made(201, "a", 1)));
    assert!(same(&spec, &made(201, "a", 1), &made(201, "a", 2)), "it names the same thing");
    assert!(!same(&spec, &made(201, "a", 1), &made(201, "b", 1)));
    assert!(!same(&spec, &made(201, "a", 1), &made(200, "a", 1)));
    assert!(!same(&RequestSpec::default(), &made(201, "a", 1), &made(201, "a", 2)), "nothing says what it names");
    assert!(!same(&spec, &unanswered(), &unanswered()));
}

#[test]
fn a_key_of_another_caller_is_another_request() {
    let (spec, one, other) = (RequestSpec::default(), answered(200, &[], "one"), answered(200, &[], "other"));
    assert_eq!(callers::judge(&spec, &one, &other, Seen::Times(2)), Some(true));
    assert_eq!(callers::judge(&spec, &one, &other, Seen::Times(1)), Some(false));
    assert_eq!(callers::judge(&spec, &one, &one, Seen::There), Some(false), "it gets that caller's answer");
    assert_eq!(callers::judge(&spec, &one, &other, Seen::There), Some(true));
    assert_eq!(callers::judge(&spec, &one, &answered(401, &[], ""), Seen::Times(2)), None);
}
