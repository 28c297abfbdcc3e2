//! The exporter of the log: sends its lines to a collector, in batches, beside standard output.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use vitals::{Column, Registry, Source, Table, TableRow, TableValue};

use crate::otlp::delivery::Delivery;
use crate::otlp::log_messages::encode;
use crate::otlp::log_queue::{BATCH_RECORDS, LogQueue, QUEUE_RECORDS};
use crate::otlp::message::Resource;
use crate::otlp::sink::{FLUSH, Sink};

const OTLP_LOGS: Table = Table {
    name: "otlp_logs",
    help: "Export of log lines to the collector.",
    columns: &[
        Column::counter("records_exported", "Lines that the collector took."),
        Column::counter("records_lost", "Lines that found no room in the queue, could not be sent, or were refused."),
        Column::counter("exports_failed", "Batches that could not be sent."),
        Column::gauge("queue_records", "Lines that wait for the exporter."),
        Column::gauge("queue_records_limit", "The most lines that wait."),
    ],
};

/// Sends the lines of the log to a collector. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LogExporter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    queue: Arc<LogQueue>,
    resource: Resource,
    delay: Duration,
    delivery: Delivery,
    /// Lines without room in the queue that the log has reported.
    reported: AtomicU64,
}

impl LogExporter {
    /// An exporter of the lines in a queue ([`crate::logs::copies`]): a batch goes when it is full, or after `delay`. None when the queue has one already.
    pub fn new(queue: Arc<LogQueue>, resource: Resource, delay: Duration) -> Option<Self> {
        let delivery = Delivery::new("logs");
        queue
            .open()
            .then(|| Self { inner: Arc::new(Inner { queue, resource, delay, delivery, reported: AtomicU64::new(0) }) })
    }

    /// Shows its numbers in the registry, for as long as an exporter lives.
    pub fn register(&self, registry: &Registry) {
        registry.register(self.inner.clone());
    }

    /// Sends batches until `stop` returns; then what is left, for at most [`FLUSH`]. What was not sent by then is lost to the collector.
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
            exporter.report_full();
            exporter.delivery.give_up(exporter.queue.take(usize::MAX).len() as u64);
        }
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
            let is_last = !self.queue.is_open();
            loop {
                let batch = self.queue.take(BATCH_RECORDS);
                if batch.is_empty() {
                    break;
                }
                let encoded = encode(&self.resource, &batch, SystemTime::now());
                self.delivery.send(sink, encoded, batch.len() as u64).await;
                self.report_full();
            }
            if is_last {
                return;
            }
        }
    }

    /// Logs the lines that found no room in the queue since the last report.
    fn report_full(&self) {
        let lost = self.queue.lost();
        let new = lost - self.reported.swap(lost, Ordering::Relaxed).min(lost);
        if new > 0 {
            tracing::warn!(lost = new, "log lines were not exported: the queue of the export was full");
        }
    }
}

impl Source for Inner {
    fn table(&self) -> &'static Table {
        &OTLP_LOGS
    }

    fn rows(&self) -> Vec<TableRow> {
        let delivery = &self.delivery;
        let lost = delivery.lost() + self.queue.lost();
        let (waiting, limit) = (self.queue.len() as u64, QUEUE_RECORDS as u64);
        vec![[delivery.taken(), lost, delivery.failed(), waiting, limit].map(TableValue::from).to_vec()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_secs(1);

    /// A collector that never answers, or is dead.
    struct Sick {
        answers: bool,
    }

    impl Sink for Sick {
        async fn send(&self, _batch: Vec<u8>) -> Result<Vec<u8>, String> {
            if self.answers { Err("connection refused".to_owned()) } else { std::future::pending().await }
        }
    }

    fn exporter() -> (Arc<LogQueue>, LogExporter) {
        let queue = Arc::new(LogQueue::default());
        let exporter = LogExporter::new(queue.clone(), Resource::of_service("test", "1", "here"), DELAY).unwrap();
        (queue, exporter)
    }

    #[tokio::test(start_paused = true)]
    async fn a_collector_that_never_answers_holds_the_end_up_for_no_longer_than_the_flush() {
        let (queue, exporter) = exporter();
        (0..700).for_each(|_| queue.offer("{}"));
        let began = Instant::now();
        exporter.run(&Sick { answers: false }, std::future::ready(())).await;
        assert_eq!(began.elapsed(), FLUSH);
        assert_eq!((exporter.inner.delivery.lost(), exporter.inner.delivery.taken()), (700, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn lines_that_a_dead_collector_does_not_take_are_counted_and_the_queue_goes_on() {
        let (queue, exporter) = exporter();
        let running = tokio::spawn({
            let exporter = exporter.clone();
            async move { exporter.run(&Sick { answers: true }, std::future::pending()).await }
        });
        for batch in 1..=3 {
            queue.offer("{}");
            tokio::time::sleep(2 * DELAY).await;
            assert_eq!((queue.len(), exporter.inner.delivery.failed()), (0, batch));
        }
        assert!(LogExporter::new(queue, Resource::default(), DELAY).is_none(), "one exporter has it");
        running.abort();
    }
}
