//! The judge of `border.deadline` on answers without a server.

use super::*;
use crate::finding::Bearing;
use crate::testing::exchange::{after, answered, unanswered};

const DEADLINE: Duration = Duration::from_secs(2);

/// Bearings of an end within the budget, and of the right answer.
fn bearings(slow: bool, exchange: &Exchange) -> [Bearing; 2] {
    let spec = RequestSpec { slow, ..RequestSpec::default() };
    judge(&spec, exchange, "although it waits", DEADLINE).map(|piece| piece.bearing())
}

#[test]
fn an_answer_must_come_within_the_deadline() {
    let limit = DEADLINE + GRACE;
    assert_eq!(bearings(true, &after(limit, answered(504, &[], ""))), [Bearing::For, Bearing::For]);
    let late = after(limit + Duration::from_millis(1), answered(504, &[], ""));
    assert_eq!(bearings(true, &late), [Bearing::Against, Bearing::Against]);
    assert_eq!(bearings(true, &after(DEADLINE, unanswered())), [Bearing::Against, Bearing::Against]);
}

#[test]
fn an_answer_must_say_that_time_was_over() {
    let at = |slow, status| bearings(slow, &after(DEADLINE, answered(status, &[], "")));
    assert_eq!(at(false, 503), [Bearing::For, Bearing::For]);
    assert_eq!(at(false, 500), [Bearing::For, Bearing::Against], "500 is not about time");
    assert_eq!(at(false, 200), [Bearing::For, Bearing::For]);
    assert_eq!(at(true, 200), [Bearing::Gap, Bearing::Gap], "it was declared to take longer");
    assert_eq!(at(false, 404), [Bearing::Gap, Bearing::Gap], "it was refused before it waited");
}

#[test]
fn a_request_without_an_answer_was_not_accepted_to_be_finished_later() {
    let (silent, late, accepted) = (unanswered(), answered(504, &[], ""), answered(202, &[], ""));
    assert!(all_failed(&[silent.clone(), late]));
    assert!(!all_failed(&[silent, accepted]));
}
