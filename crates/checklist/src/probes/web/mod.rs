//! The probes of chapter `web`.

use super::Probe;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[];
