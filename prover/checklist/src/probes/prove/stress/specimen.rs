//! Servers for `prove.stress`.

use crate::probes::border::specimen::loaded::{Full, REFUSES, WAITS, work};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    REFUSES.holds("refuses at once what it has no place for"),
    WAITS.falls_short("lets everybody wait"),
    Server::new("loaded-naps", |port| work(Full::Nap, port))
        .falls_short("refuses at once and clearly, and everybody for long after the load has fallen")
        .liar(),
];
