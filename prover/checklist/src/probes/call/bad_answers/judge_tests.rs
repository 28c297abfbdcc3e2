//! The judges of `call.bad-answers` on answers without a server.

use serde_json::json;

use super::*;
use crate::testing::exchange::{after, answered, json, unanswered};

const LIMIT: Duration = Duration::from_secs(3);

fn good(exchange: &Exchange) -> Option<bool> {
    let peace = || json(200, &json!({ "price": "12.50", "stale": false }));
    let user = User { spec: RequestSpec::default(), peace: [peace(), peace()] };
    judge(exchange, &user, LIMIT).0
}

#[test]
fn a_bad_answer_must_become_a_clear_error_or_less() {
    assert_eq!(good(&answered(502, &[], "")), Some(true));
    assert_eq!(good(&answered(404, &[], "")), Some(false), "the caller is not to blame");
    assert_eq!(good(&json(200, &json!({ "price": "12.50", "stale": true }))), Some(true));
    assert_eq!(good(&json(200, &json!({ "price": "0.00", "stale": false }))), Some(false), "it is made up");
    assert_eq!(good(&json(200, &json!({ "price": "12.50", "stale": false }))), None, "it may be from memory");
    assert_eq!(good(&unanswered()), Some(false));
}

#[test]
fn an_answer_that_is_late_or_passes_the_bad_bytes_on_is_no_clear_error() {
    assert_eq!(good(&after(LIMIT, answered(502, &[], ""))), Some(true));
    assert_eq!(good(&after(LIMIT + Duration::from_millis(1), answered(502, &[], ""))), Some(false));
    assert_eq!(good(&answered(502, &[], &format!("bad gateway: {}", BAD[0]))), Some(false));
    let mut long = answered(502, &[], "");
    long.outcome.as_mut().expect("it is answered").body_length = LONG + 1;
    assert_eq!(good(&long), Some(false));
}

#[test]
fn a_part_of_an_answer_is_broken() {
    assert_eq!(good(&answered(200, &[("content-type", "application/json")], "{\"price\":")), Some(false));
    assert_eq!(good(&answered(200, &[], "{\"price\":\"12")), Some(false));
    assert_eq!(
        good(&answered(200, &[("age", "60")], "{\"price\":\"12")),
        Some(false),
        "although it says that it is old"
    );
}

#[test]
fn a_request_that_ends_like_one_that_waits_in_vain_shows_no_bound_on_size() {
    let second = Duration::from_secs(1);
    assert!(is_of_patience(second, Some(second)));
    assert!(!is_of_patience(second / 2, Some(second)));
    assert!(!is_of_patience(second, None));
}
