//! Servers for `ship.supply-chain`, which reads the declared repository: one server with other files each time.

use crate::clause::ship::supply_chain as clause;
use crate::probes::ship::specimen::{Flaw, GOOD, keep};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("supply-checked", |port| keep(Flaw::None, port))
        .holds_but_for(&[clause::YANKED, clause::FAILS_BUILD], "has a lockfile and checks what it pins"),
    Server::new("supply-unlocked", |port| keep(Flaw::None, port)).falls_short("has no lockfile"),
    Server::new("supply-ignored", |port| keep(Flaw::None, port))
        .falls_short("checks what it pins, and ignores what comes of it")
        .liar(),
    GOOD.is_unknown("no repository is declared"),
];
