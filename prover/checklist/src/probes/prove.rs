//! The probes of chapter `prove`.

use crate::probe::Probe;

pub mod attack;
pub mod load;
pub mod soak;
pub mod stress;

/// In the order in which they run: add yours at its place.
pub const PROBES: &[Probe] = &[load::PROBE, stress::PROBE, soak::PROBE, attack::PROBE];
