//! State of a gate at a moment, for vitals and tests.

use std::sync::Arc;
use std::time::Duration;

use super::reason::Reason;
use crate::criticality::Criticality;

/// State of a gate.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AdmissionSnapshot {
    /// Limit of all requests in flight; in force while the processors are not idle.
    pub limit: f64,
    /// True while reports show that the processors have time to spare.
    pub idle: bool,
    /// Requests in flight that count against the limit.
    pub in_flight: u32,
    /// Requests in flight that no longer count, because they take longer than eight objectives.
    pub long: u32,
    /// Queued requests by class, from the least important on.
    pub queued: [u32; Criticality::ALL.len()],
    /// The limits of each class together with those below it, while requests of higher ones suffer.
    pub class_limits: [Option<f64>; Criticality::ALL.len()],
    /// Longest time that a request waits in the queue now, for the default objective.
    pub longest_wait: Duration,
    /// True while the queue has not been empty for two objectives: the newest request is served first, and waits are short.
    pub standing: bool,
    /// Mean latency without load, as a share of the objective; none before it is known.
    pub base: Option<f64>,
    /// Requests admitted so far, exempt ones included.
    pub admitted: u64,
    /// Requests refused so far, by reason in the order of [`Reason::ALL`].
    pub refused: [u64; Reason::ALL.len()],
    /// Routes, in the order of their declaration; the first one is that of all others.
    pub routes: Vec<RouteSnapshot>,
}

/// State of a route.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RouteSnapshot {
    /// Its name.
    pub name: Arc<str>,
    /// Declared objective.
    pub objective: Duration,
    /// True where the route takes longer than the objective allows without any load: the objective does not refuse requests.
    pub unreachable: bool,
    /// Its own limit, if it has one.
    pub limit: Option<f64>,
    /// Requests in flight that count.
    pub in_flight: u32,
    /// Requests in flight that no longer count.
    pub long: u32,
    /// Queued requests.
    pub queued: u32,
    /// Mean latency without load; none before it is known.
    pub base: Option<Duration>,
    /// Estimate of the 90th percentile of the time in flight.
    pub p90: Duration,
    /// Answers per second.
    pub rate: f64,
    /// Requests refused so far, by reason in the order of [`Reason::ALL`].
    pub refused: [u64; Reason::ALL.len()],
}
