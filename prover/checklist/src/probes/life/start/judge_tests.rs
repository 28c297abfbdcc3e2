//! The judge of `life.start` on refused starts without a process.

use keel_drill::process::Exit;

use super::*;
use crate::finding::Bearing;

fn bearing(exit: Option<Exit>, lines: &[&str]) -> Bearing {
    refusal::judged(exit, lines).bearing()
}

#[test]
fn a_start_that_cannot_succeed_ends_with_a_code_and_says_why() {
    assert_eq!(bearing(Some(Exit::Code(1)), &["starting", "error: PORT is no number"]), Bearing::For);
    assert_eq!(bearing(Some(Exit::Code(1)), &["error"]), Bearing::Against, "it does not name the cause");
    assert_eq!(bearing(Some(Exit::Code(0)), &["error: PORT is no number"]), Bearing::Against);
    assert_eq!(bearing(Some(Exit::Signal(6)), &["error: PORT is no number"]), Bearing::Against);
    assert_eq!(bearing(None, &["error: PORT is no number"]), Bearing::Against, "it still runs");
}
