//! The judges of `border.pagination` on pages and walks without a server.

use serde_json::json;

use super::*;
use crate::finding::Bearing;
use crate::testing::exchange::{answered, json};

#[test]
fn a_page_with_a_next_one_is_bounded_and_a_long_list_is_not() {
    let page = |items: usize, next: bool| {
        let next = if next { json!("abc") } else { json!(null) };
        bound(&json(200, &json!({ "items": vec![1; items], "next": next })))
    };
    assert_eq!(page(ITEMS, true), Some(true));
    assert_eq!(page(ITEMS + 1, true), Some(false));
    assert_eq!(page(ITEMS, false), None, "it may be all there is");
    assert_eq!(bound(&answered(400, &[], "")), Some(true), "it refuses");
}

fn walk(items: &[&str], pages: usize, added: usize) -> Walk {
    Walk { items: items.iter().map(|item| (*item).to_owned()).collect(), pages, added, ended: true }
}

#[test]
fn a_walk_while_rows_come_sees_each_row_of_before_once() {
    let still = walk(&["a", "b", "c"], 2, 0);
    let bearing = |moving: Walk| compare("things", &still, &moving).bearing();
    assert_eq!(bearing(walk(&["n", "a", "b", "c"], 2, 1)), Bearing::For);
    assert_eq!(bearing(walk(&["a", "b", "b", "c"], 2, 1)), Bearing::Against, "one is there twice");
    assert_eq!(bearing(walk(&["a", "c"], 2, 1)), Bearing::Against, "one is left out");
    assert_eq!(bearing(walk(&["a", "b", "c"], 2, 0)), Bearing::Gap, "nothing was added");
    assert_eq!(bearing(walk(&["a", "b", "c"], 1, 1)), Bearing::Gap, "it is one page");
    let broken_off = Walk { ended: false, ..walk(&["a", "b"], 2, 1) };
    assert_eq!(bearing(broken_off), Bearing::For, "it has not come to the last row");
}
