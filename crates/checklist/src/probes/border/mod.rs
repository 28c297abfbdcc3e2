//! The probes of chapter `border`.

use super::Probe;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[];
