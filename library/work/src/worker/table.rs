//! Vitals of the queues of one process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vitals::{Column, Source, Table, TableRow, TableValue, Unit};

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
