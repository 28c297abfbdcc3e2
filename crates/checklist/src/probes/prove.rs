//! The probes of chapter `prove`.

use super::Probe;

pub mod soak;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[Probe {
    id: "prove.soak",
    hypothesis: "A long run at load shows flat memory, descriptors, threads and disk",
    examine: |lab| Box::pin(soak::examine(lab)),
}];
