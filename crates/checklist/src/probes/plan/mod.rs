//! The probes of chapter `plan`.

use super::Probe;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[];
