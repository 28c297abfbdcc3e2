//! The judges of `call.cpu-bulkhead` on floods without a server.

use super::*;
use crate::finding::Bearing;

const SECOND: Duration = Duration::from_secs(1);
const FAST: Duration = Duration::from_millis(10);

/// A flood of 64 of which so many were done and refused, ten a second.
fn flood(done: usize, refused: usize) -> Flood {
    let bystanders = Seen { sent: 30, amiss: 0, slow: FAST };
    let contention = Contention::default();
    Flood {
        size: 64,
        bystanders,
        done,
        refused,
        wait: SECOND,
        busy: 1.0,
        waited: 0.0,
        cost: 0.1,
        rate: 10.0,
        contention,
    }
}

#[test]
fn heavy_work_has_a_bound_when_some_is_done_and_the_rest_refused() {
    let bearing = |deadline, flood| bound(deadline, &[flood]).map(|piece| piece.bearing());
    assert_eq!(bearing(SECOND, flood(10, 54)), Some(Bearing::For));
    assert_eq!(bearing(SECOND, flood(0, 64)), None, "none was done");
    assert_eq!(bearing(SECOND, flood(64, 0)), Some(Bearing::Against), "the last waits for 6.4 s");
    assert_eq!(bearing(SECOND * 10, flood(64, 0)), None, "all is done in time");
}

#[test]
fn bystanders_that_are_much_slower_are_stalled() {
    let peace = Seen { sent: 30, amiss: 0, slow: FAST };
    let with = |amiss, slow| Flood { bystanders: Seen { sent: 30, amiss, slow }, ..flood(10, 54) }.as_before(&peace);
    assert_eq!(with(0, FAST), Some(true));
    assert_eq!(with(0, SECOND / 2), None);
    assert_eq!(with(0, SECOND), Some(false));
    assert_eq!(with(30, FAST), Some(false));
}

#[test]
fn a_flood_that_others_kept_from_the_processors_asks_for_a_quieter_machine_and_a_light_one_for_heavier_work() {
    let reason = |busy, waited, cost| Flood { busy, waited, cost, ..flood(10, 0) }.stalls_nothing();
    let asks_for = |reason: Option<String>, what: &str| reason.is_some_and(|reason| reason.contains(what));
    assert_eq!(reason(1.0, 0.0, 0.1), None);
    assert_eq!(reason(1.0, 0.9, 0.1), None);
    assert!(asks_for(reason(0.1, 0.0, 0.1), "declare a heavier one"));
    assert!(asks_for(reason(0.1, 0.9, 0.1), "on a machine that is less busy"));
    assert!(asks_for(reason(0.1, 0.9, 0.001), "declare a heavier one"), "each costs a millisecond");
}
