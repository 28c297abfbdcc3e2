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
