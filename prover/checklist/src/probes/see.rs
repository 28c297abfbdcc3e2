//! The probes of chapter `see`.

use crate::probe::Probe;

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod testing;

pub mod health;
pub mod logs;
pub mod metrics;
pub mod traces;

/// In the order in which they run: add yours at its place.
pub const PROBES: &[Probe] = &[metrics::PROBE, logs::PROBE, health::PROBE, traces::PROBE];
