//! The probes of chapter `ship`.

use crate::probe::Probe;

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
pub(crate) mod testing;

pub mod config;
pub mod make;
pub mod supply_chain;

/// In the order in which they run: add yours at its place.
pub const PROBES: &[Probe] = &[make::PROBE, supply_chain::PROBE, config::PROBE];
