//! The probes of chapter `see`.

use super::Probe;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[];
