//! The probes of chapter `prove`.

use super::Probe;

pub mod load;
pub mod soak;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[
    Probe {
        id: "prove.load",
        hypothesis: "At the expected and the peak load, latency from the time a request was due and errors are within what was declared",
        examine: |lab| Box::pin(load::examine(lab)),
    },
    Probe {
        id: "prove.soak",
        hypothesis: "A long run at load shows flat memory, descriptors, threads and disk",
        examine: |lab| Box::pin(soak::examine(lab)),
    },
];
