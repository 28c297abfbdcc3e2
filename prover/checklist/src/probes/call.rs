//! The probes of chapter `call`.

use crate::probe::Probe;

mod bystanders;
mod crowd;
mod dependent;
mod three;
mod watched;

pub mod bad_answers;
pub mod balance;
pub mod breaker;
pub mod breaker_manual;
pub mod bulkhead;
pub mod cpu_bulkhead;
pub mod deadline;
pub mod discovery;
pub mod fallback;
pub mod hedge;
pub mod jitter;
pub mod retry;
pub mod retry_budget;
pub mod timeout;

#[cfg(feature = "specimens")]
#[path = "call/bad_answers/specimen.rs"]
mod bad_answers_specimen;
#[cfg(feature = "specimens")]
#[path = "call/breaker/specimen.rs"]
mod breaker_specimen;
#[cfg(feature = "specimens")]
#[path = "call/bulkhead/specimen.rs"]
mod bulkhead_specimen;
#[cfg(feature = "specimens")]
#[path = "call/cpu_bulkhead/specimen.rs"]
mod cpu_bulkhead_specimen;
#[cfg(feature = "specimens")]
#[path = "call/deadline/specimen.rs"]
mod deadline_specimen;
#[cfg(feature = "specimens")]
#[path = "call/fallback/specimen.rs"]
mod fallback_specimen;
#[cfg(feature = "specimens")]
#[path = "call/hedge/specimen.rs"]
mod hedge_specimen;
#[cfg(feature = "specimens")]
#[path = "call/jitter/specimen.rs"]
mod jitter_specimen;
#[cfg(feature = "specimens")]
#[path = "call/retry_budget/specimen.rs"]
mod retry_budget_specimen;
#[cfg(feature = "specimens")]
#[path = "call/retry/specimen.rs"]
mod retry_specimen;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(feature = "specimens")]
#[path = "call/timeout/specimen.rs"]
mod timeout_specimen;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[
    Probe {
        id: "call.fallback",
        examine: |lab| Box::pin(fallback::examine(lab)),
        #[cfg(feature = "specimens")]
        specimens: fallback_specimen::SPECIMENS,
    },
    Probe {
        id: "call.bad-answers",
        examine: |lab| Box::pin(bad_answers::examine(lab)),
        #[cfg(feature = "specimens")]
        specimens: bad_answers_specimen::SPECIMENS,
    },
    Probe {
        id: "call.timeout",
        examine: |lab| Box::pin(timeout::examine(lab)),
        #[cfg(feature = "specimens")]
        specimens: timeout_specimen::SPECIMENS,
    },
    Probe {
        id: "call.deadline",
        examine: |lab| Box::pin(deadline::examine(lab)),
        #[cfg(feature = "specimens")]
        specimens: deadline_specimen::SPECIMENS,
    },
    Probe {
        id: "call.retry",
        examine: |lab| Box::pin(retry::examine(lab)),
        #[cfg(feature = "specimens")]
        specimens: retry_specimen::SPECIMENS,
    },
    Probe {
        id: "call.retry-budget",
        examine: |lab| Box::pin(retry_budget::examine(lab)),
        #[cfg(feature = "specimens")]
        specimens: retry_budget_specimen::SPECIMENS,
    },
    Probe {
        id: "call.hedge",
        examine: |lab| Box::pin(hedge::examine(lab)),
        #[cfg(feature = "specimens")]
        specimens: hedge_specimen::SPECIMENS,
    },
    Probe {
        id: "call.breaker",
        examine: |lab| Box::pin(breaker::examine(lab)),
        #[cfg(feature = "specimens")]
        specimens: breaker_specimen::SPECIMENS,
    },
    Probe {
        id: "call.breaker-manual",
        examine: |lab| Box::pin(breaker_manual::examine(lab)),
        #[cfg(feature = "specimens")]
        specimens: &[],
    },
    Probe {
        id: "call.bulkhead",
        examine: |lab| Box::pin(bulkhead::examine(lab)),
        #[cfg(feature = "specimens")]
        specimens: bulkhead_specimen::SPECIMENS,
    },
    Probe {
        id: "call.cpu-bulkhead",
        examine: |lab| Box::pin(cpu_bulkhead::examine(lab)),
        #[cfg(feature = "specimens")]
        specimens: cpu_bulkhead_specimen::SPECIMENS,
    },
    Probe {
        id: "call.balance",
        examine: |lab| Box::pin(balance::examine(lab)),
        #[cfg(feature = "specimens")]
        specimens: &[],
    },
    Probe {
        id: "call.discovery",
        examine: |lab| Box::pin(discovery::examine(lab)),
        #[cfg(feature = "specimens")]
        specimens: &[],
    },
    Probe {
        id: "call.jitter",
        examine: |lab| Box::pin(jitter::examine(lab)),
        #[cfg(feature = "specimens")]
        specimens: jitter_specimen::SPECIMENS,
    },
];
