//! The judge of `call.bulkhead` on floods without a server.

use super::*;
use crate::finding::Bearing;

const FAST: Duration = Duration::from_millis(10);

fn bystanders(amiss: usize, slow: Duration) -> Seen {
    Seen { sent: 30, amiss, slow }
}

fn bearing(bystanders: Seen, open: usize) -> Bearing {
    let (crowd, contention) = (Crowd { size: 128, open, came_to_rest: true }, Contention::default());
    let flood = Flood { bystanders, crowd, unconnected: 0, contention };
    flood.judge("prices", "GET /", &self::bystanders(0, FAST)).bearing()
}

#[test]
fn bystanders_must_be_answered_as_in_peace_while_calls_hang() {
    assert_eq!(bearing(bystanders(0, FAST), 8), Bearing::For);
    assert_eq!(bearing(bystanders(6, FAST), 8), Bearing::Against);
    assert_eq!(bearing(bystanders(1, FAST), 8), Bearing::Gap, "one is not enough to decide");
    assert_eq!(bearing(bystanders(0, Duration::from_secs(1)), 8), Bearing::Gap, "they are only slower");
}

#[test]
fn a_flood_that_reached_no_dependency_shows_no_isolation() {
    assert_eq!(bearing(bystanders(0, FAST), 0), Bearing::Gap);
    assert_eq!(bearing(bystanders(6, FAST), 0), Bearing::Against, "they are starved all the same");
}

#[test]
fn bystanders_that_waited_for_a_busy_machine_are_not_starved_by_calls() {
    let contention = Contention { waited: Duration::from_secs(1), ..Contention::default() };
    let bearing = |slow| {
        let crowd = Crowd { size: 128, open: 8, came_to_rest: true };
        let flood = Flood { bystanders: bystanders(6, slow), crowd, unconnected: 0, contention };
        flood.judge("prices", "GET /", &bystanders(0, FAST)).bearing()
    };
    assert_eq!(bearing(PATIENCE), Bearing::Gap);
    assert_eq!(bearing(FAST), Bearing::Against, "they were refused at once");
}
