//! The judge of `border.bulkhead` on outcomes without a server.

use super::*;
use crate::finding::Bearing;
use crate::probes::support::overload::shares::tests::outcome;

const WELL: usize = 100;

/// So many of a hundred in time: of the partition and of the others, in peace and in the storm.
fn bearing(peace: [usize; 2], storm: [usize; 2]) -> Bearing {
    let outcomes = |[own, others]: [usize; 2]| [outcome(own, own), outcome(others, others)];
    judge(&Seen {
        partition: "search".to_owned(),
        who: "GET /checkout".to_owned(),
        objective: Duration::from_millis(500),
        peace: outcomes(peace),
        storm: outcomes(storm),
    })
    .bearing()
}

#[test]
fn other_requests_must_be_served_within_the_objective_at_the_99th_percentile() {
    assert_eq!(bearing([WELL, WELL], [30, 100]), Bearing::For);
    assert_eq!(bearing([WELL, WELL], [30, 99]), Bearing::For);
    assert_eq!(bearing([WELL, WELL], [30, 98]), Bearing::Gap);
    assert_eq!(bearing([WELL, WELL], [30, 74]), Bearing::Against);
}

#[test]
fn a_storm_that_the_service_keeps_up_with_shows_nothing() {
    assert_eq!(bearing([WELL, WELL], [80, 100]), Bearing::Gap);
    assert_eq!(bearing([WELL, WELL], [80, 30]), Bearing::Gap);
}

#[test]
fn requests_that_are_not_served_in_peace_show_nothing_in_a_storm() {
    for peace in [[50, WELL], [WELL, 50]] {
        assert_eq!(bearing(peace, [30, 100]), Bearing::Gap, "{peace:?}");
        assert_eq!(bearing(peace, [30, 30]), Bearing::Gap, "{peace:?}");
    }
}
