//! The result of the one search for how much the subject does, which several probes use.

use std::time::Duration;

/// Capacity of a service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Capacity {
    /// Requests of the mix a second.
    pub(crate) rate: f64,
    /// The latency of its slowest kind of request without load.
    pub(crate) peace: Duration,
}
