//! The probes of chapter `data`.

use crate::probe::Probe;

pub mod location;
pub mod purge;

/// In the order in which they run: add yours at its place.
pub const PROBES: &[Probe] = &[purge::PROBE, location::PROBE];
