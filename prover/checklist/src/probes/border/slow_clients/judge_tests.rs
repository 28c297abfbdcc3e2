//! The judges of `border.slow-clients` on the ends of connections without a server.

use std::time::Duration;

use super::idler::Idler;
use super::others::Asked;
use super::*;
use crate::finding::Bearing;
use crate::testing::exchange::{answered, control};

const SECOND: Duration = Duration::from_secs(1);

fn idler(idler: Idler, fate: Fate) -> Bearing {
    idler.judge(fate, None, &control()).bearing()
}

#[test]
fn only_a_kept_connection_may_stay_open() {
    assert_eq!(idler(Idler::Silent, Fate::Held(SECOND)), Bearing::Against);
    assert_eq!(idler(Idler::Reader, Fate::Held(SECOND)), Bearing::Against);
    assert_eq!(idler(Idler::KeptAlive, Fate::Held(SECOND)), Bearing::Gap, "minutes of keep-alive are usual");
    assert_eq!(idler(Idler::Silent, Fate::Cut(SECOND, "closed".to_owned())), Bearing::For);
    assert_eq!(idler(Idler::Reader, Fate::NotJudged("it fits".to_owned())), Bearing::Gap);
}

#[test]
fn a_slow_part_must_be_cut() {
    let drip = |part, fate| {
        let piece = of_drip(&Drip { part, name: "a head".to_owned(), fate, control: None, sent: None });
        (piece.clause().map(str::to_owned), piece.bearing())
    };
    let told = |clause: crate::clause::Clause, bearing| (Some(clause.id().to_owned()), bearing);
    assert_eq!(drip(Part::Head, Fate::Held(SECOND)), told(clause::SLOW_HEADERS, Bearing::Against));
    assert_eq!(drip(Part::Body, Fate::Cut(SECOND, "closed".to_owned())), told(clause::SLOW_BODIES, Bearing::For));
    assert_eq!(drip(Part::Body, Fate::NotJudged("why".to_owned())), told(clause::SLOW_BODIES, Bearing::Gap));
}

#[test]
fn one_late_answer_in_ten_is_a_busy_machine_and_more_are_bystanders_that_notice() {
    let asked = |times, late, other| Asked { times, late, slowest: SECOND, other }.evidence(&control()).bearing();
    assert_eq!(asked(20, 0, None), Bearing::For);
    assert_eq!(asked(20, 2, None), Bearing::Gap);
    assert_eq!(asked(20, 3, None), Bearing::Against);
    assert_eq!(asked(20, 0, Some(answered(503, &[], ""))), Bearing::Against);
}

#[test]
fn a_service_that_takes_long_for_its_answers_is_not_held_up_by_a_reader() {
    let fate = |all: u64, stalled: u64| {
        let seconds = Duration::from_secs;
        reader::at_the_end(all, 2 << 20, seconds(stalled), seconds(60))
    };
    assert!(matches!(fate(4 << 20, 59), Fate::Held(_)));
    assert!(matches!(fate(4 << 20, 30), Fate::Held(_)));
    assert!(matches!(fate(4 << 20, 29), Fate::NotJudged(_)), "its answers came for a long time");
    assert!(matches!(fate(4 << 20, 0), Fate::NotJudged(_)), "its answers still come");
    assert!(matches!(fate(2 << 20, 59), Fate::NotJudged(_)), "they fit into the kernel's buffers");
}
