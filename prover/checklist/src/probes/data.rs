//! The probes of chapter `data`.

use crate::probe::Probe;

pub mod clean;
pub mod integrity;
pub mod location;
pub mod purge;

/// In the order in which they run: add yours at its place.
pub const PROBES: &[Probe] = &[clean::PROBE, integrity::PROBE, purge::PROBE, location::PROBE];
