//! The judges of `life.drain` on observations without a process.

use super::*;
use crate::finding::Bearing;

const SECOND: Duration = Duration::from_secs(1);

fn bearings(unready: Option<Duration>, by_answer: bool, refused: Option<Duration>) -> Vec<Bearing> {
    let seen = Seen { unready, unready_by_answer: by_answer, refused };
    order(Some("/ready"), &seen, Some(SECOND)).iter().map(Evidence::bearing).collect()
}

#[test]
fn readiness_falls_by_an_answer_before_the_door_is_closed_and_before_the_work_ends() {
    use Bearing::{Against, For, Gap};
    assert_eq!(bearings(Some(SECOND / 2), true, Some(SECOND)), [For, For]);
    assert_eq!(bearings(Some(SECOND / 2), true, None), [For, For]);
    assert_eq!(bearings(Some(SECOND), true, Some(SECOND / 2)), [Against, For], "the door was closed first");
    assert_eq!(bearings(Some(SECOND / 2), false, Some(SECOND)), [Against, For], "nobody answered");
    assert_eq!(bearings(Some(SECOND * 2), true, None), [For, Against], "the work had ended");
    assert_eq!(bearings(None, false, Some(SECOND)), [Against], "it never fell");
    let undeclared = order(None, &Seen::default(), None);
    assert_eq!(undeclared.iter().map(Evidence::bearing).collect::<Vec<_>>(), [Gap]);
}

#[test]
fn work_is_finished_only_when_some_was_under_way_and_answered() {
    let (good, bad) = (clause::IN_FLIGHT.holds("whole"), clause::TRANSFER.contradicts("cut"));
    let (other, gap) = (clause::READINESS.holds("fell"), clause::TRANSFER.gap("nothing is large"));
    assert_eq!(finished(&[good, bad.clone()]), Some(true));
    assert_eq!(finished(&[bad, other.clone()]), Some(false));
    assert_eq!(finished(&[other, gap]), None, "nothing was under way");
}
