//! Servers for `border.backpressure`.

use crate::probes::border::specimen::loaded::{Full, REFUSES, WAITS, work};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    REFUSES.holds("refuses what it has no place for"),
    WAITS.falls_short("lets any number wait, and holds memory for each"),
    Server::new("loaded-leaks", |port| work(Full::Leak, port)).falls_short("leaks memory with each refusal").liar(),
];
