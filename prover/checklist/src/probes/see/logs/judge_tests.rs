//! The judge of `see.logs` on lines without a service.

use super::*;
use crate::finding::Bearing;

const GOOD: &str = r#"{"time":"2026-11-29","level":"info","message":"served"}"#;

/// So many good lines, and these.
fn lines(good: usize, others: &[&str]) -> Vec<String> {
    std::iter::repeat_n(GOOD, good).chain(others.iter().copied()).map(str::to_owned).collect()
}

fn bearings(lines: &[String]) -> Vec<Bearing> {
    schema(lines, &[]).iter().map(Evidence::bearing).collect()
}

#[test]
fn one_line_in_twenty_may_be_no_json() {
    assert_eq!(bearings(&lines(19, &["a banner"])), [Bearing::For, Bearing::For]);
    assert_eq!(bearings(&lines(18, &["a banner", "another"])), [Bearing::Against, Bearing::Against]);
}

#[test]
fn a_line_without_level_is_json_and_not_of_the_schema() {
    let without = r#"{"time":"2026-11-29","message":"served"}"#;
    assert_eq!(bearings(&lines(8, &[without, without])), [Bearing::For, Bearing::Against]);
}

#[test]
fn a_marker_in_a_line_is_a_leak_and_no_line_at_all_is_a_gap() {
    let markers = markers();
    let bearing = |lines: &[String], told| secrets(lines, &markers, told, &[]).iter().map(Evidence::bearing).next();
    assert_eq!(bearing(&lines(3, &[]), 3), Some(Bearing::For));
    assert_eq!(bearing(&lines(3, &[]), 0), Some(Bearing::Gap), "the requests with secrets made no line");
    let leak = format!("Cookie: {}", markers["Cookie"]);
    assert_eq!(bearing(&lines(3, &[&leak]), 3), Some(Bearing::Against));
}
