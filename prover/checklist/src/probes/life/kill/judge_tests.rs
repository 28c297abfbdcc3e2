//! The judges of `life.kill` on answers without a process, beside those of the parts.

use serde_json::json;

use super::*;
use crate::testing::exchange::{answered, json};

#[test]
fn a_repeat_is_the_same_by_status_and_by_what_is_saved() {
    let spec = RequestSpec { save: [("thing".to_owned(), "/id".to_owned())].into(), ..RequestSpec::default() };
    let made = |status, id: &str, at: u32| json(status, &json!({ "id": id, "at": at }));
    assert!(answers::same(&spec, &made(201, "a", 1), &made(201, "a", 2)));
    assert!(!answers::same(&spec, &made(201, "a", 1), &made(201, "b", 1)));
    assert!(!answers::same(&spec, &made(201, "a", 1), &made(200, "a", 1)));
    let bare = RequestSpec::default();
    assert!(answers::same(&bare, &answered(201, &[], "made"), &answered(201, &[], "made")));
    assert!(!answers::same(&bare, &answered(201, &[], "made"), &answered(201, &[], "made again")));
}

#[test]
fn a_write_without_a_way_to_read_it_back_is_a_gap() {
    let spec = |method: &str, read: Option<&str>| RequestSpec {
        name: format!("{method} it"),
        method: method.to_owned(),
        read: read.map(str::to_owned),
        ..RequestSpec::default()
    };
    assert!(unread(&[spec("POST", Some("/things/{thing}")), spec("GET", None), spec("", None)]).is_none());
    let gap = unread(&[spec("POST", Some("/things/{thing}")), spec("PUT", None)]).expect("PUT is not read back");
    assert!(!gap.decides() && gap.what.contains("PUT it"), "{gap:?}");
}

#[test]
fn a_start_after_a_kill_that_waited_for_a_processor_says_nothing() {
    let failure = StartFailure { reason: "it was not ready within 10s".to_owned(), output: Vec::new() };
    assert!(not_started(&failure, false).is_against());
    assert!(!not_started(&failure, true).decides());
}
