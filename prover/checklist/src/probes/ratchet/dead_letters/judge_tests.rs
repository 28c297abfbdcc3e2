//! The judges of `ratchet.dead-letters` on observations, without a server.

use std::time::Duration;

use serde_json::json;

use super::judge::{Removed, blocked, dropped, kept, mended, stored};
use crate::probes::ratchet::letters::{names, shows};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_value_is_found_at_any_depth_and_in_a_text_that_is_json() {
    let document = json!({ "rows": [{ "payload": "{\"to\":{\"name\":\"nobody\"}}" }], "attempts": 3 });
    assert!(shows(&document, &json!("nobody")) && shows(&document, &json!(3)));
    assert!(!shows(&document, &json!("body")) && !shows(&document, &json!("3")));
}

#[test]
fn a_dead_letter_is_known_by_its_payload_and_elsewhere_only_by_a_long_name() {
    let (payload, row) = (json!({ "work": 7 }), json!({ "attempts": 9, "message": "0b1ffc2e-9d1" }));
    assert!(names(Some(&payload), &row, "7"));
    assert!(!names(Some(&payload), &row, "9"), "any number may be in a row");
    assert!(names(Some(&payload), &row, "0b1ffc2e-9d1") && !names(None, &row, "another-name"));
}

#[test]
fn work_between_dead_letters_must_be_done() {
    assert!(blocked(6, 0, 3, SECOND).0);
    assert!(!blocked(6, 1, 3, SECOND).0);
}

#[test]
fn each_work_is_set_aside_with_a_reason_and_none_is_taken_for_done() {
    let good = |reasons: &[Option<&str>], done| stored("pay", reasons, done, SECOND).0;
    assert!(good(&[Some("no such account"), Some("x")], 0));
    assert!(!good(&[Some("no such account"), None], 0), "one is lost");
    assert!(!good(&[Some("no such account"), Some("")], 0), "one has no reason");
    assert!(!good(&[Some("no such account"), Some("x")], 1), "one is taken for done");
}

#[test]
fn dead_letters_survive_a_kill() {
    assert!(kept(3, 3).0);
    assert!(!kept(3, 2).0);
}

#[test]
fn an_edit_counts_when_it_shows_and_is_done_and_a_retry_when_nothing_is_left_of_it() {
    let judged = |shown, done, there| {
        let (edit, retry) = mended(shown, done, there, SECOND);
        (edit.0, retry.0)
    };
    assert_eq!(judged(true, true, false), (true, true));
    assert_eq!(judged(true, false, true), (false, false), "the old payload was retried");
    assert_eq!(judged(false, true, false), (false, true));
    assert_eq!(judged(true, true, true), (true, false));
}

#[test]
fn dropped_letters_are_gone_and_stay_away() {
    let good = |at_once, later| dropped(&Removed { dropped: 2, at_once, later }).0;
    assert!(good(0, 0));
    assert!(!good(1, 0) && !good(0, 1));
}
