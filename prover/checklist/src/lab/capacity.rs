//! The result of the one search for how much the subject does, which several probes use.

use std::time::Duration;

/// How much a service does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Capacity {
    /// Requests of the mix a second.
    pub(crate) rate: f64,
    /// What its slowest kind of request takes in peace.
    pub(crate) peace: Duration,
}
