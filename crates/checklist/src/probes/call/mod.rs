//! The probes of chapter `call`.

use super::Probe;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[];
