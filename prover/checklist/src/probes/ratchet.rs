//! The probes of chapter `ratchet`.

use crate::probe::Probe;

pub mod dead_letters;
pub mod events;
pub mod jobs;
pub(crate) mod letters;
pub mod steps;
pub(crate) mod support;

/// In the order in which they run: add yours at its place.
pub const PROBES: &[Probe] = &[events::PROBE, steps::PROBE, jobs::PROBE, dead_letters::PROBE];
