//! One queue in one process: its state, and the loops that work on it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use supervision::Stop;
use tokio::sync::mpsc;

use crate::job::MAX_BATCH;
use crate::job::store::JobStore;
use crate::worker::handlers::Handlers;
use crate::worker::in_flight::InFlight;
use crate::worker::rules::QueueRules;
use crate::worker::stats::Stats;
use crate::worker::{claiming, collector, heartbeat, sweep};

/// The longest time for which started handlers shall keep a job waiting in this process.
const LONGEST_PREFETCH: Duration = Duration::from_secs(1);

/// The state of one queue, which its loops share.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) name: Arc<str>,
    pub(crate) rules: QueueRules,
    pub(crate) jobs: JobStore,
    pub(crate) handlers: Handlers,
    pub(crate) owner: String,
    pub(crate) in_flight: InFlight,
    pub(crate) stats: Stats,
}

impl Queue {
    pub(crate) fn new(name: &str, rules: QueueRules, jobs: JobStore, handlers: Handlers, owner: String) -> Self {
        let (in_flight, stats) = (InFlight::default(), Stats::default());
        Self { name: name.into(), rules, jobs, handlers, owner, in_flight, stats }
    }

    /// Runs the loops until the stop and the end of the drain.
    pub(crate) async fn run(self: &Arc<Self>, stop: &Stop) {
        let (ended, ends) = mpsc::channel(2 * MAX_BATCH);
        // The collector ends when the claiming loop and all handlers have dropped their senders.
        let work = async { tokio::join!(claiming::run(self, stop, ended), collector::run(self, ends)) };
        tokio::select! {
            _ = work => {}
            () = heartbeat::run(self) => {}
            () = sweep::run(self) => {}
        }
    }

    /// Jobs that this process may hold: one a handler, and as many more as handlers end within a second.
    pub(crate) fn capacity(&self) -> usize {
        let concurrency = self.rules.concurrency;
        let prefetch = self
            .stats
            .mean_run()
            .map_or(0.0, |mean| concurrency as f64 * LONGEST_PREFETCH.as_secs_f64() / mean.as_secs_f64().max(1e-6));
        // Handlers that take longer than that keep no further job waiting.
        let prefetch = if prefetch < concurrency as f64 { 0 } else { (prefetch as usize).min(MAX_BATCH) };
        concurrency + prefetch
    }

    pub(crate) fn is_cut_off(&self) -> bool {
        self.stats.is_cut_off.load(Ordering::Relaxed)
    }
}
