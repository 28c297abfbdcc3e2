//! Servers for `life.start`.

use crate::probes::life::specimen::{Flaw, GOOD, live};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("is ready at once, and names what it cannot start with"),
    Server::new("life-no-reuse", |port| live(Flaw::NoReuse, port))
        .falls_short("does not get its port again for a minute after it closed connections"),
    Server::new("life-slow-start", |port| live(Flaw::SlowStart, port)).falls_short("takes longer than a second"),
    Server::new("life-late-refusal", |port| live(Flaw::LateRefusal, port))
        .holds("refuses late, as its starts take long as well"),
    Server::new("life-too-late-refusal", |port| live(Flaw::TooLateRefusal, port))
        .falls_short("is ready at once, and refuses after eight seconds"),
    Server::new("life-patient-start", |port| live(Flaw::PatientStart, port))
        .falls_short("waits for a port that is taken"),
    Server::new("life-takes-anything", |port| live(Flaw::TakesAnything, port))
        .falls_short("takes a default for a setting that it does not understand")
        .liar(),
    Server::new("life-vague", |port| live(Flaw::Vague, port))
        .falls_short("ends without saying why when it cannot start"),
];
