//! Servers for `life.crash`.

use crate::probes::life::specimen::{Flaw, GOOD, live};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("answers 500 when a handler panics"),
    Server::new("life-fragile", |port| live(Flaw::Fragile, port)).falls_short("ends when a handler panics"),
    Server::new("life-poisoned", |port| live(Flaw::Poisoned, port))
        .falls_short("answers 500 and serves on, but makes nothing any more after a panic with the lock held")
        .liar(),
];
