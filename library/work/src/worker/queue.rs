//! One queue in one process: the state that its loops share.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use telemetry::errors::Errors;
use telemetry::traces::Tracer;

use crate::job::MAX_BATCH;
use crate::job::store::JobStore;
use crate::worker::handlers::Handlers;
use crate::worker::in_flight::InFlight;
use crate::worker::observer::Observer;
use crate::worker::rules::QueueRules;
use crate::worker::stats::Stats;

/// The longest time for which started handlers shall keep a job waiting in this process.
const LONGEST_PREFETCH: Duration = Duration::from_secs(1);

/// The state of one queue, which its loops share.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) name: Arc<str>,
    pub(crate) rules: QueueRules,
    pub(crate) jobs: JobStore,
    /// The same jobs over a connection that heartbeats have for themselves.
    pub(crate) beats: JobStore,
    pub(crate) handlers: Handlers,
    pub(crate) owner: String,
    pub(crate) in_flight: InFlight,
    pub(crate) stats: Stats,
    pub(crate) observer: Observer,
    pub(crate) tracer: Option<Tracer>,
    pub(crate) errors: Option<Errors>,
}

impl Queue {
    pub(crate) fn new(
        name: &str,
        rules: QueueRules,
        (jobs, beats): (JobStore, JobStore),
        (handlers, observer, tracer, errors): (Handlers, Observer, Option<Tracer>, Option<Errors>),
        owner: String,
    ) -> Self {
        let (in_flight, stats) = (InFlight::default(), Stats::default());
        Self { name: name.into(), rules, jobs, beats, handlers, owner, in_flight, stats, observer, tracer, errors }
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
