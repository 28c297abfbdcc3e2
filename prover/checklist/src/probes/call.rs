//! The probes of chapter `call`.

use crate::probe::Probe;

mod support;

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

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

/// In the order in which they run: add yours at its place.
pub const PROBES: &[Probe] = &[
    fallback::PROBE,
    bad_answers::PROBE,
    timeout::PROBE,
    deadline::PROBE,
    retry::PROBE,
    retry_budget::PROBE,
    hedge::PROBE,
    breaker::PROBE,
    breaker_manual::PROBE,
    bulkhead::PROBE,
    cpu_bulkhead::PROBE,
    balance::PROBE,
    discovery::PROBE,
    jitter::PROBE,
];
