//! The best static limit of a sweep: what an operator could find by hand for one workload.

use std::time::Duration;

use crate::control::StaticLimit;
use crate::report::Report;
use crate::server::simulate;
use crate::workload::Workload;

/// A static limit, and its result.
#[derive(Clone, Debug)]
pub struct Best {
    /// Requests in flight.
    pub limit: u32,
    /// Longest wait in its queue.
    pub wait: Duration,
    /// Its result.
    pub report: Report,
}

/// Limits of the sweep.
pub const LIMITS: [u32; 10] = [1, 2, 4, 8, 16, 32, 50, 100, 200, 400];
/// Waits of the sweep.
pub const WAITS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(200)];

/// Runs the workload under each combination of limits and waits, and returns the one with the most goodput; with `in_time` only of those whose 99th percentile is
/// within the objective, if there are such.
pub fn best_static(workload: &Workload, limits: &[u32], waits: &[Duration], in_time: bool) -> Option<Best> {
    let mut best: Option<(bool, Best)> = None;
    for (limit, wait) in limits.iter().flat_map(|limit| waits.iter().map(|wait| (*limit, *wait))) {
        let report = simulate(workload, &mut StaticLimit::new(limit, wait));
        let passes = !in_time || report.latency(0.99) <= workload.objective;
        let rank = (passes, report.goodput());
        if best.as_ref().is_none_or(|(passes, best)| rank > (*passes, best.report.goodput())) {
            best = Some((passes, Best { limit, wait, report }));
        }
    }
    best.map(|(_, best)| best)
}
