//! The probes of chapter `border`.

use crate::probe::Probe;

pub(crate) mod support;

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub mod backpressure;
pub mod bulkhead;
pub mod cacheable;
pub mod compress;
pub mod connections;
pub mod criticality;
pub mod deadline;
pub mod idempotency;
pub mod limits;
pub mod openapi;
pub mod pagination;
pub mod problem;
pub mod rate_limit;
pub mod shed;
pub mod slow_clients;
pub mod unenumerable;
pub mod validation;

/// In the order in which they run: add yours at its place.
pub const PROBES: &[Probe] = &[
    cacheable::PROBE,
    compress::PROBE,
    problem::PROBE,
    unenumerable::PROBE,
    validation::PROBE,
    openapi::PROBE,
    pagination::PROBE,
    deadline::PROBE,
    // Before the limits, which judge the same slow heads and bodies.
    slow_clients::PROBE,
    limits::PROBE,
    connections::PROBE,
    rate_limit::PROBE,
    shed::PROBE,
    backpressure::PROBE,
    criticality::PROBE,
    bulkhead::PROBE,
    idempotency::PROBE,
];
