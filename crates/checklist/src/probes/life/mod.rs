//! The probes of chapter `life`.

use super::Probe;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[];
