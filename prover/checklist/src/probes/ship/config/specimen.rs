//! Servers for `ship.config`.

use crate::clause::ship::config as clause;
use crate::probes::ship::specimen::{Flaw, GOOD, keep};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds_but_for(&[clause::DOCUMENTED, clause::STAGES], "refuses what it cannot read, and names it"),
    Server::new("ship-lenient", |port| keep(Flaw::Lenient, port))
        .falls_short("takes its default for what it cannot read"),
    Server::new("ship-mute", |port| keep(Flaw::Mute, port))
        .falls_short("ends on what it cannot read, and does not say on what"),
    Server::new("ship-one-at-a-time", |port| keep(Flaw::OneAtATime, port))
        .falls_short("tells of the first mistake only")
        .liar(),
    Server::new("ship-trace", |port| keep(Flaw::Trace, port)).falls_short("ends with a stack trace"),
    Server::new("ship-fixed-port", |port| keep(Flaw::FixedPort, port))
        .falls_short("listens where it was started first"),
];
