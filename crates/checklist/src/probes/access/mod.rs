//! The probes of chapter `access`.

use super::Probe;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[];
