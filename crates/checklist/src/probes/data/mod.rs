//! The probes of chapter `data`.

use super::Probe;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[];
