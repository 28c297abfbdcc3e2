//! The judge of `call.bulkhead` on floods without a server.

use super::*;
use crate::finding::Bearing;

const FAST: Duration = Duration::from_millis(10);

fn bystanders(amiss: usize, slow: Duration) -> Seen {
    Seen { sent: 30, amiss, slow }
}

fn bearing(bystanders: Seen, open: usize) -> Bearing {
    let flood = Flood { bystanders, crowd: Crowd { size: 128, open, came_to_rest: true }, unconnected: 0 };
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
