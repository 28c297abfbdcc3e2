//! The exporter: sends kept traces to a collector, in batches, and counts what is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use vitals::{Column, Registry, Source, Table, TableRow, TableValue};

use crate::otlp::{FLUSH, Resource, Sink, rejected};
use crate::traces::otlp;
use crate::traces::queue::{BATCH_SPANS, QUEUE_SPANS, Queue};

const TRACES: Table = Table {
    name: "traces",
    help: "Export of traces to the collector.",
    columns: &[
        Column::counter("spans_exported", "Spans that the collector took."),
        Column::counter("spans_lost", "Spans that found no room in the queue, could not be sent, or were refused."),
        Column::counter("exports_failed", "Batches that could not be sent."),
        Column::gauge("queue_spans", "Spans that wait for the exporter."),
        Column::gauge("queue_spans_limit", "The most spans that wait."),
    ],
};

/// Sends kept traces to a collector. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Exporter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    queue: Arc<Queue>,
    resource: Resource,
    delay: Duration,
    exported: AtomicU64,
    lost: AtomicU64,
    failed: AtomicU64,
    /// Spans without room in the queue that the log has reported.
    reported: AtomicU64,
    /// Spans of the batch that is being sent.
    sending: AtomicU64,
    /// True after a batch that could not be sent.
    is_failing: AtomicBool,
}

impl Exporter {
    pub(crate) fn new(queue: Arc<Queue>, resource: Resource, delay: Duration) -> Self {
        let inner = Inner {
            queue,
            resource,
            delay,
            exported: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            reported: AtomicU64::new(0),
            sending: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Shows its numbers in the registry, for as long as an exporter lives.
    pub fn register(&self, registry: &Registry) {
        registry.register(self.inner.clone());
    }

    /// Sends batches until `stop` returns; then what is left, for at most [`FLUSH`]. What was not sent by then is lost.
    ///
    /// Not cancel-safe: a dropped run loses the batch that is being sent.
    pub async fn run(&self, sink: &impl Sink, stop: impl Future<Output = ()>) {
        let exporter = &*self.inner;
        let mut work = std::pin::pin!(exporter.send_all(sink));
        tokio::select! {
            () = &mut work => return,
            () = stop => exporter.queue.close(),
        }
        if tokio::time::timeout(FLUSH, work).await.is_err() {
            exporter.give_up();
        }
    }

    /// Spans that were lost.
    pub fn lost(&self) -> u64 {
        self.inner.all_lost()
    }

    /// Spans that the collector took.
    pub fn exported(&self) -> u64 {
        self.inner.exported.load(Ordering::Relaxed)
    }
}

impl Inner {
    /// Sends batches until the queue is closed and empty.
    async fn send_all(&self, sink: &impl Sink) {
        loop {
            let until = Instant::now() + self.delay;
            // A timeout is no error: what there is goes.
            let _ = tokio::time::timeout_at(until, self.queue.filled()).await;
            // Read first: what was added before the end is sent.
            let is_last = self.queue.is_closed();
            loop {
                let batch = self.queue.take(BATCH_SPANS);
                if batch.is_empty() {
                    break;
                }
                let spans = batch.iter().map(|trace| trace.spans.len() as u64).sum();
                self.send(sink, otlp::encode(&self.resource, batch), spans).await;
                self.report_full();
            }
            if is_last {
                return;
            }
        }
    }

    async fn send(&self, sink: &impl Sink, batch: Vec<u8>, spans: u64) {
        self.sending.store(spans, Ordering::Relaxed);
        let answer = sink.send(batch).await.and_then(|body| rejected(&body));
        self.sending.store(0, Ordering::Relaxed);
        match answer {
            Ok((rejected, reason)) => {
                let rejected = rejected.min(spans);
                self.exported.fetch_add(spans - rejected, Ordering::Relaxed);
                self.lost.fetch_add(rejected, Ordering::Relaxed);
                if rejected > 0 {
                    tracing::warn!(rejected, reason, "the collector refused spans");
                }
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    tracing::info!(lost = self.all_lost(), "traces are exported again");
                }
            }
            Err(reason) => {
                self.lost.fetch_add(spans, Ordering::Relaxed);
                self.failed.fetch_add(1, Ordering::Relaxed);
                // Said once, until it works again.
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(spans, reason, "traces cannot be exported; check OTEL_EXPORTER_OTLP_ENDPOINT");
                }
            }
        }
    }

    /// Logs the spans that found no room in the queue since the last report.
    fn report_full(&self) {
        let lost = self.queue.lost();
        let new = lost - self.reported.swap(lost, Ordering::Relaxed).min(lost);
        if new > 0 {
            tracing::warn!(lost = new, "spans were lost: the queue was full");
        }
    }

    /// Counts what is left at the end as lost.
    fn give_up(&self) {
        self.report_full();
        let left = self.queue.take(usize::MAX).iter().map(|trace| trace.spans.len() as u64).sum::<u64>();
        let lost = left + self.sending.swap(0, Ordering::Relaxed);
        self.lost.fetch_add(lost, Ordering::Relaxed);
        tracing::warn!(lost, within = ?FLUSH, "the last traces could not be exported in time");
    }

    fn all_lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed) + self.queue.lost()
    }
}

impl Source for Inner {
    fn table(&self) -> &'static Table {
        &TRACES
    }

    fn rows(&self) -> Vec<TableRow> {
        vec![vec![
            TableValue::from(self.exported.load(Ordering::Relaxed)),
            TableValue::from(self.all_lost()),
            TableValue::from(self.failed.load(Ordering::Relaxed)),
            TableValue::from(self.queue.len() as u64),
            TableValue::from(QUEUE_SPANS as u64),
        ]]
    }
}
