//! The judge of `life.start` on refused starts without a process.

use keel_drill::process::Exit;

use super::*;
use crate::finding::Bearing;

fn bearing(exit: Option<Exit>, lines: &[&str]) -> Bearing {
    refusal::judged(exit, lines, Duration::ZERO).bearing()
}

#[test]
fn a_start_that_cannot_succeed_ends_with_a_code_and_says_why() {
    assert_eq!(bearing(Some(Exit::Code(1)), &["starting", "error: PORT is no number"]), Bearing::For);
    assert_eq!(bearing(Some(Exit::Code(1)), &["error"]), Bearing::Against, "it does not name the cause");
    assert_eq!(bearing(Some(Exit::Code(0)), &["error: PORT is no number"]), Bearing::Against);
    assert_eq!(bearing(Some(Exit::Signal(6)), &["error: PORT is no number"]), Bearing::Against);
    assert_eq!(bearing(None, &["error: PORT is no number"]), Bearing::Against, "it still runs");
}

#[test]
fn a_start_whose_processes_waited_for_a_cpu_has_so_much_more_time_to_refuse() {
    let late = |waited| refusal::judged(None, &["starting"], Duration::from_millis(waited));
    assert_eq!(late(900).bearing(), Bearing::Against, "it ran for 5.1 s of its 5 s");
    let busy = late(1_100);
    assert_eq!(busy.bearing(), Bearing::Gap, "it ran for 4.9 s of its 5 s");
    assert!(busy.what.contains("waited 1.1s of that for a CPU"), "{}", busy.what);
}
