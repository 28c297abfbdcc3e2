//! The probes of chapter `prove`.

use super::Probe;

pub mod attack;
pub mod load;
pub mod soak;
pub mod stress;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[
    Probe {
        id: "prove.load",
        hypothesis: "At the expected and the peak load, latency from the time a request was due and errors are within what was declared",
        examine: |lab| Box::pin(load::examine(lab)),
    },
    Probe {
        id: "prove.stress",
        hypothesis: "With the dearest request three times as often, it breaks at a point that is known, and gracefully",
        examine: |lab| Box::pin(stress::examine(lab)),
    },
    Probe {
        id: "prove.soak",
        hypothesis: "A long run at load shows flat memory, descriptors, threads and disk",
        examine: |lab| Box::pin(soak::examine(lab)),
    },
    Probe {
        id: "prove.attack",
        hypothesis: "Every attack that applies gets an answer of a correct server, and a bystander is served meanwhile",
        examine: |lab| Box::pin(attack::examine(lab)),
    },
];
