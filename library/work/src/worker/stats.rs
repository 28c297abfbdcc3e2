//! Vitals of the queues of one process.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use vitals::{Column, Histogram, Source, Table, TableRow, TableValue, Unit};

use crate::job::QueueDepth;
use crate::worker::queue::Queue;

const JOB_QUEUE: Table = Table {
    name: "job_queue",
    help: "A queue of jobs: its depth in the database, and the work of this process.",
    columns: &[
        Column::label("queue", "The queue."),
        Column::state("state", "working, paused, or cut_off when heartbeats fail."),
        Column::gauge("ready", "Jobs that may start, at most 10000."),
        Column::gauge("scheduled", "Jobs that start later, at most 10000."),
        Column::gauge("running", "Jobs that are claimed, on all nodes."),
        Column::gauge("dead", "Dead letters, at most 10000."),
        Column::gauge("oldest", "Time since the oldest ready job could have started.").in_unit(Unit::Seconds),
        Column::gauge("held", "Jobs that this process holds."),
        Column::gauge("concurrency", "The most handlers of this process."),
        Column::counter("claimed", "Jobs claimed."),
        Column::counter("completed", "Jobs done."),
        Column::counter("retried", "Attempts that failed and are repeated."),
        Column::counter("died", "Jobs that became dead letters."),
        Column::counter("cancelled", "Jobs that were cancelled while they ran."),
        Column::counter("lost", "Attempts whose lease was lost."),
        Column::counter("stale", "Ends of attempts that were refused by their fence."),
        Column::counter("expired", "Attempts of any node whose lease was over."),
        Column::counter("errors", "Operations on the database that failed."),
        Column::duration("wait", "Time from the earliest start to the claim."),
        Column::duration("run", "Time of handlers."),
    ],
};

/// Counters of one queue in one process.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) claimed: AtomicU64,
    pub(crate) completed: AtomicU64,
    pub(crate) retried: AtomicU64,
    pub(crate) died: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) stale: AtomicU64,
    pub(crate) expired: AtomicU64,
    pub(crate) errors: AtomicU64,
    /// True while heartbeats fail: nothing is claimed then.
    pub(crate) is_cut_off: AtomicBool,
    /// Mean time of a handler in microseconds, of the last ones more than of earlier ones; 0 before the first.
    mean_run: AtomicU64,
    pub(crate) wait: Histogram,
    run: Histogram,
    depth: Mutex<QueueDepth>,
}

impl Stats {
    pub(crate) fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn ran(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).clamp(1, 1 << 40);
        self.run.record(time);
        let before = self.mean_run.load(Ordering::Relaxed);
        // A lost update of two handlers at once changes the mean by less than a sample does.
        let mean = if before == 0 { micros } else { (before * 7 + micros) / 8 };
        self.mean_run.store(mean.max(1), Ordering::Relaxed);
    }

    /// Returns the mean time of a handler; none before the first end.
    pub(crate) fn mean_run(&self) -> Option<Duration> {
        match self.mean_run.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }

    pub(crate) fn set_depth(&self, depth: QueueDepth) {
        *self.depth.lock().unwrap_or_else(PoisonError::into_inner) = depth;
    }

    fn depth(&self) -> QueueDepth {
        *self.depth.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The row source of all queues.
#[derive(Debug)]
pub(crate) struct QueueTable(Vec<Arc<Queue>>);

impl QueueTable {
    pub(crate) fn new(queues: &[Arc<Queue>]) -> Self {
        Self(queues.to_vec())
    }
}

impl Source for QueueTable {
    fn table(&self) -> &'static Table {
        &JOB_QUEUE
    }

    fn rows(&self) -> Vec<TableRow> {
        self.0.iter().map(|queue| row(queue)).collect()
    }
}

fn row(queue: &Queue) -> TableRow {
    let (stats, depth) = (&queue.stats, queue.stats.depth());
    let count = |counter: &AtomicU64| TableValue::from(counter.load(Ordering::Relaxed));
    let state = match (stats.is_cut_off.load(Ordering::Relaxed), depth.is_paused) {
        (true, _) => "cut_off",
        (_, true) => "paused",
        _ => "working",
    };
    vec![
        TableValue::text(&*queue.name),
        TableValue::text(state),
        TableValue::from(depth.ready),
        TableValue::from(depth.scheduled),
        TableValue::from(depth.running),
        TableValue::from(depth.dead),
        TableValue::Level(depth.oldest.as_secs_f64()),
        TableValue::from(queue.in_flight.len() as u64),
        TableValue::from(queue.rules.concurrency as u64),
        count(&stats.claimed),
        count(&stats.completed),
        count(&stats.retried),
        count(&stats.died),
        count(&stats.cancelled),
        count(&stats.lost),
        count(&stats.stale),
        count(&stats.expired),
        count(&stats.errors),
        TableValue::Distribution(Box::new(stats.wait.snapshot())),
        TableValue::Distribution(Box::new(stats.run.snapshot())),
    ]
}
