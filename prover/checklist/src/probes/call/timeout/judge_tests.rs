//! The judges of `call.timeout` on answers and connections without a server.

use super::*;
use crate::finding::Bearing;
use crate::testing::exchange::{after, answered, control, unanswered, uncontrolled};

const DEADLINE: Duration = Duration::from_secs(2);

fn bearing(exchange: &Exchange, met: &Met) -> Bearing {
    judge(DEADLINE, clause::FIRST_BYTE, &RequestSpec::default(), exchange, ("prices", "silent"), met).1.bearing()
}

#[test]
fn a_request_must_be_answered_within_the_deadline() {
    let limit = DEADLINE + GRACE;
    assert_eq!(bearing(&after(limit, answered(504, &[], "")), &Ok(control())), Bearing::For);
    let late = after(limit + Duration::from_millis(1), answered(504, &[], ""));
    assert_eq!(bearing(&late, &Ok(control())), Bearing::Against);
    assert_eq!(bearing(&after(DEADLINE, unanswered()), &Ok(control())), Bearing::Against);
    assert_eq!(bearing(&after(DEADLINE, answered(504, &[], "")), &Err(uncontrolled())), Bearing::Gap);
}

#[test]
fn open_connections_are_kept_or_pile_up() {
    let bearing = |more, met: Met| open_calls::kept("2 of 2 are open", more, &met).bearing();
    assert_eq!(bearing(0, Ok(control())), Bearing::For, "calls share them");
    assert_eq!(bearing(1, Ok(control())), Bearing::Against, "more stay open");
    assert_eq!(bearing(1, Err(uncontrolled())), Bearing::Against);
    assert_eq!(bearing(0, Err(uncontrolled())), Bearing::Gap, "no call was heard");
}

#[test]
fn a_bystander_that_takes_long_in_peace_has_longer() {
    assert_eq!(prompt(None), PROMPT);
    assert_eq!(prompt(Some(Duration::from_millis(20))), PROMPT);
    assert_eq!(prompt(Some(PROMPT)), PROMPT * 3);
}
