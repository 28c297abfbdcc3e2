//! The probes of chapter `see`.

use super::Probe;

mod exposition;

pub mod health;
pub mod logs;
pub mod metrics;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[
    Probe {
        id: "see.metrics",
        hypothesis: "The metrics rise by what was sent, by route and status, and do not grow with what strangers ask for",
        examine: |lab| Box::pin(metrics::examine(lab)),
    },
    Probe {
        id: "see.logs",
        hypothesis: "Lines on standard output are JSON of one schema, carry the request's id, no secrets, and have a bound",
        examine: |lab| Box::pin(logs::examine(lab)),
    },
    Probe {
        id: "see.health",
        hypothesis: "Live, ready and start-up answers are prompt; the health document says what runs and shows a sick dependency",
        examine: |lab| Box::pin(health::examine(lab)),
    },
];
