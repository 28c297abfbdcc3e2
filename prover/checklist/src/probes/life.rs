//! The probes of chapter `life`.

use crate::probe::Probe;

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
pub(crate) mod testing;

pub mod autoscale;
pub mod crash;
pub mod drain;
pub mod kill;
pub mod leader;
pub mod manager;
pub mod start;
mod starved;
pub mod steady;

/// In the order in which they run: add yours at its place.
pub const PROBES: &[Probe] = &[
    start::PROBE,
    manager::PROBE,
    autoscale::PROBE,
    steady::PROBE,
    drain::PROBE,
    leader::PROBE,
    crash::PROBE,
    kill::PROBE,
];
