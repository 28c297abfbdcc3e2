//! The probes of chapter `see`.

use crate::probe::Probe;

mod asker;
mod environment;
mod exports;
mod fresh_context;
pub(crate) mod ops_files;
#[cfg(feature = "specimens")]
pub(crate) mod ops_specimen;
mod promql;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(feature = "specimens")]
mod specimen_exports;
#[cfg(feature = "specimens")]
mod specimen_latency;
#[cfg(test)]
mod testing;

pub mod alerts;
pub mod console;
pub mod dashboards;
pub mod errors;
pub mod health;
pub mod logs;
pub mod metrics;
pub mod outliers;
pub mod query;
pub mod slo;
pub mod traces;

/// In the order in which they run: add yours at its place.
pub const PROBES: &[Probe] = &[
    metrics::PROBE,
    logs::PROBE,
    health::PROBE,
    query::PROBE,
    outliers::PROBE,
    errors::PROBE,
    console::PROBE,
    traces::PROBE,
    alerts::PROBE,
    dashboards::PROBE,
    slo::PROBE,
];
