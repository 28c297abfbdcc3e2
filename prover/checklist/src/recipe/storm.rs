//! Recipe that sends too many requests of one kind, and others beside them that must be served.

use std::time::Duration;

/// Measures the throughput of the storm's request with sixteen clients, and then sends more of it beside other requests: the fault is
/// that too few of those are answered in time.
#[derive(Clone, Debug)]
pub struct Storm {
    /// The request of which too many are sent, as bytes; its connection closes after the answer.
    pub storm: Vec<u8>,
    /// Times the measured throughput, the rate of the storm.
    pub times: f64,
    /// The request beside them, as bytes; its connection closes after the answer.
    pub beside: Vec<u8>,
    /// Requests a second beside them.
    pub rate: f64,
    /// Number of addresses of which the requests beside the storm come, other than that of the storm; 0 for the same one.
    pub clients: u32,
    /// The time limit of an answer.
    pub objective: Duration,
    /// The share of the requests beside the storm that must be answered in time.
    pub least: f64,
}
