//! The judges of `life.manager` on messages and ends without a process.

use super::*;
use crate::finding::Bearing;

#[test]
fn watchdog_messages_come_as_often_as_asked() {
    let from = Instant::now();
    let bearing = |times: &[u32]| {
        let times: Vec<Instant> = times.iter().map(|time| from + WATCHDOG * *time / 100).collect();
        watched(&times, from, from + WATCHED, Contention::default()).bearing()
    };
    assert_eq!(bearing(&[50, 100, 150, 200, 240]), Bearing::For);
    assert_eq!(bearing(&[100, 220]), Bearing::For, "a little late");
    assert_eq!(bearing(&[100, 230]), Bearing::Against);
    assert_eq!(bearing(&[50]), Bearing::Against, "once, and never again");
    assert_eq!(bearing(&[]), Bearing::Against);
    let busy = Contention { waited: WATCHDOG, ..Contention::default() };
    assert_eq!(
        watched(&[from + WATCHDOG * 2], from, from + WATCHED, busy).bearing(),
        Bearing::Gap,
        "others had the CPU"
    );
}

#[test]
fn a_process_ends_by_itself_with_code_0_or_raises_the_signal_that_it_handles() {
    let good = |exit, handled| judge_end(exit, handled, WATCHDOG).0;
    assert!(good(Some(Exit::Code(0)), false));
    assert!(!good(Some(Exit::Code(3)), true));
    assert!(good(Some(Exit::Signal(SIGTERM)), true));
    assert!(!good(Some(Exit::Signal(SIGTERM)), false), "it has no handler");
    assert!(!good(Some(Exit::Signal(9)), true));
    assert!(!good(None, true), "it still runs");
}
