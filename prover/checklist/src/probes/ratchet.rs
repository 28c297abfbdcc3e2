//! The probes of chapter `ratchet`.

use crate::probe::Probe;

pub mod jobs;

/// In the order in which they run: add yours at its place.
pub const PROBES: &[Probe] = &[jobs::PROBE];
