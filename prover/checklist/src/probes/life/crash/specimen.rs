//! Servers for `life.crash`.

use crate::probes::life::specimen::{Flaw, GOOD, live};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("answers 500 when a handler panics"),
    Server::new("life-fragile", |port| live(Flaw::Fragile, port)).falls_short("ends when a handler panics"),
];
