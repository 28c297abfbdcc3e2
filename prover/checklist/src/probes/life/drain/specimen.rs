//! Servers for `life.drain`.

use crate::clause::life::drain as clause;
use crate::probes::life::specimen::{Flaw, GOOD, live};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds_but_for(&[clause::TRANSFER, clause::ORDER], "finishes what is in flight after SIGTERM"),
    Server::new("life-drops-in-flight", |port| live(Flaw::DropsInFlight, port)).falls_short("ends at once on SIGTERM"),
    Server::new("life-cuts-transfers", |port| live(Flaw::CutsTransfers, port))
        .falls_short("breaks off an answer that a client takes slowly")
        .liar(),
    Server::new("life-cuts-linked", |port| live(Flaw::CutsLinked, port))
        .falls_short("breaks off an answer that its first page links to"),
    Server::new("life-raises-again", |port| live(Flaw::RaisesAgain, port))
        .holds_but_for(&[clause::TRANSFER, clause::ORDER], "handles SIGTERM, finishes, and raises it again"),
    Server::new("life-raises-at-once", |port| live(Flaw::RaisesAtOnce, port))
        .falls_short("has a handler for SIGTERM that finishes nothing and raises it again")
        .liar(),
    Server::new("life-unhandled", |port| live(Flaw::Unhandled, port)).falls_short("has no handler for SIGTERM"),
    Server::new("life-never-unready", |port| live(Flaw::NeverUnready, port))
        .falls_short("stays ready until it is gone"),
    Server::new("life-bad-exit", |port| live(Flaw::BadExit, port)).falls_short("ends with code 3"),
    Server::new("life-cuts-answers", |port| live(Flaw::CutsAnswers, port))
        .falls_short("breaks off an answer that it has begun"),
    Server::new("life-deaf", |port| live(Flaw::Deaf, port)).falls_short("does not end on SIGTERM"),
];
