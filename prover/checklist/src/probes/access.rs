//! The probes of chapter `access`.

use crate::probe::Probe;

pub mod secrets;

/// In the order in which they run: add yours at its place.
pub const PROBES: &[Probe] = &[secrets::PROBE];
