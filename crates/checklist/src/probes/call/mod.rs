//! The probes of chapter `call`.

use super::Probe;

mod dependent;

pub mod bad_answers;
pub mod fallback;
pub mod timeout;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[
    Probe {
        id: "call.fallback",
        hypothesis: "With a dependency gone what does not need it goes on, what needs it is degraded or clearly refused",
        examine: |lab| Box::pin(fallback::examine(lab)),
    },
    Probe {
        id: "call.bad-answers",
        hypothesis: "Whatever a dependency answers, the service's own answer is whole, clear, in time and in bounded memory",
        examine: |lab| Box::pin(bad_answers::examine(lab)),
    },
    Probe {
        id: "call.timeout",
        hypothesis: "No call outlives its deadline, and no request waits for a dependency longer than that",
        examine: |lab| Box::pin(timeout::examine(lab)),
    },
];
