//! The probes of chapter `call`.

use crate::lab::Lab;
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

/// Probes that start the subject with doubles in the places of dependencies, once these were seen in peace.
const WITH_DOUBLES: [&str; 6] = [
    retry::PROBE.id,
    retry_budget::PROBE.id,
    hedge::PROBE.id,
    breaker::PROBE.id,
    breaker_manual::PROBE.id,
    bulkhead::PROBE.id,
];
/// Probes that always do.
const ALWAYS_WITH_DOUBLES: [&str; 3] = [balance::PROBE.id, discovery::PROBE.id, jitter::PROBE.id];

/// Returns true if a probe starts the subject itself, so that one that is stopped need not be started for it.
pub(crate) fn starts_by_itself(id: &str, lab: &Lab) -> bool {
    ALWAYS_WITH_DOUBLES.contains(&id) || WITH_DOUBLES.contains(&id) && support::double_in_place::needs_no_start(lab)
}

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
