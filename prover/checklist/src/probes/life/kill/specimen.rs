//! Servers for `life.kill`.

use crate::probes::life::specimen::{Flaw, GOOD, live};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("has on disk what it acknowledges"),
    Server::new("life-forgets", |port| live(Flaw::Forgets, port)).falls_short("keeps things in memory only"),
    Server::new("life-forgets-softly", |port| live(Flaw::ForgetsSoftly, port))
        .falls_short("keeps things in memory only, and answers 200 with an error for what is not there")
        .liar(),
    Server::new("life-knows-all", |port| live(Flaw::KnowsAll, port))
        .falls_short("keeps nothing, answers for every name as if it were there, and makes a new thing for each repeat")
        .liar(),
    Server::new("life-doubles", |port| live(Flaw::Doubles, port)).falls_short("makes a new thing for each repeat"),
    Server::new("life-alters", |port| live(Flaw::Alters, port))
        .falls_short("keeps less of a thing on disk than it was asked to"),
    Server::new("life-locks", |port| live(Flaw::Locks, port))
        .falls_short("refuses to start after a run that did not end in order"),
];
