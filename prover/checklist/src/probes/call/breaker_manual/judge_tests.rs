//! The judges of `call.breaker-manual` on counts and texts without a server.

use super::*;
use crate::finding::Bearing;

#[test]
fn a_lever_stops_every_call_and_no_answer_is_as_ever() {
    let bearing = |calls, as_ever| tripped(calls, as_ever, String::new()).bearing();
    assert_eq!(bearing(0, 0), Bearing::For);
    assert_eq!(bearing(1, 0), Bearing::Against);
    assert_eq!(bearing(0, 1), Bearing::Against, "it is answered from elsewhere");
}

#[test]
fn the_operator_is_named_with_a_time() {
    let bearing = |named: &[&str]| {
        let named: Vec<String> = named.iter().map(|text| (*text).to_owned()).collect();
        operator_and_time(&named, String::new()).bearing()
    };
    assert_eq!(bearing(&["pulled by keel-1 at 2026-11-29T13:40:35Z"]), Bearing::For);
    assert_eq!(bearing(&["pulled by keel-1"]), Bearing::Gap);
    assert_eq!(bearing(&[]), Bearing::Against);
}
