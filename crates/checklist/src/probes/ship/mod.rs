//! The probes of chapter `ship`.

use super::Probe;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[];
