//! The judges of `call.breaker` on counts of calls without a server.

use super::*;
use crate::finding::Bearing;
use crate::testing::exchange::{control, uncontrolled};

fn spared(calls: usize) -> Spared {
    Spared::example(calls, 0.5, (10, 10))
}

#[test]
fn few_calls_are_an_open_breaker_and_nearly_all_are_none() {
    let bearing = |calls| opened(clause::FAILURE_RATE, &spared(calls), "it fails", &Ok(control())).bearing();
    assert_eq!(bearing(0), Bearing::For);
    assert_eq!(bearing(PROBES), Bearing::For);
    assert_eq!(bearing(PROBES + 1), Bearing::Gap);
    assert_eq!(bearing(UNBROKEN - 1), Bearing::Gap);
    assert_eq!(bearing(UNBROKEN), Bearing::Against);
}

#[test]
fn few_calls_without_a_control_show_no_breaker() {
    let bearing = |calls| opened(clause::FAILURE_RATE, &spared(calls), "it fails", &Err(uncontrolled())).bearing();
    assert_eq!(bearing(0), Bearing::Gap);
    assert_eq!(bearing(UNBROKEN), Bearing::Against);
}

#[test]
fn a_bound_of_calls_at_a_time_is_no_breaker() {
    let by_no_bound = |busy, first| Spared::example(0, busy, first).by_no_bound("prices").is_ok();
    assert!(by_no_bound(0.85, (10, 2)), "for a good part of the time no call was open");
    assert!(!by_no_bound(0.86, (10, 2)));
    assert!(by_no_bound(0.86, (10, 9)), "at first each request caused a call");
    assert!(!by_no_bound(0.86, (1, 1)), "one request shows no bound");
}

#[test]
fn calls_that_are_only_late_and_not_spared_are_a_gap() {
    let bearing = |calls| opened_on_slow_calls(&spared(calls), "prices", Duration::from_secs(1)).bearing();
    assert_eq!(bearing(0), Bearing::For);
    assert_eq!(bearing(UNBROKEN), Bearing::Gap, "none counts as slow");
}
