//! The exporter of metrics: sends all numbers of the registry to a collector, in an interval.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::MissedTickBehavior;
use vitals::{Column, Registry, Source, Table, TableRow, TableValue};

use crate::otlp::delivery::Delivery;
use crate::otlp::message::Resource;
use crate::otlp::metric_messages::{Batches, Span};
use crate::otlp::sink::{FLUSH, Sink};

const OTLP_METRICS: Table = Table {
    name: "otlp_metrics",
    help: "Export of metrics to the collector.",
    columns: &[
        Column::counter("points_exported", "Data points that the collector took."),
        Column::counter(
            "points_lost",
            "Data points that could not be sent or were refused; the next export has the totals again.",
        ),
        Column::counter("exports_failed", "Exports that could not be sent."),
    ],
};

/// Sends the numbers of a registry to a collector. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MetricExporter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    resource: Resource,
    started: SystemTime,
    interval: Duration,
    delivery: Delivery,
}

impl MetricExporter {
    /// An exporter of totals since `started`, with an export each `interval`, and one at the end.
    ///
    /// # Panics
    /// When the interval is zero.
    pub fn new(resource: Resource, started: SystemTime, interval: Duration) -> Self {
        assert!(interval > Duration::ZERO, "the interval of an export is not zero");
        Self { inner: Arc::new(Inner { resource, started, interval, delivery: Delivery::new("metrics") }) }
    }

    /// Shows its numbers in the registry, for as long as an exporter lives.
    pub fn register(&self, registry: &Registry) {
        registry.register(self.inner.clone());
    }

    /// Exports the registry, in one request or several, each interval until `stop` returns, and once more then, for at most [`FLUSH`]. One export is under way at a time; those that are
    /// missed meanwhile are left out.
    ///
    /// Not cancel-safe: a dropped run loses the export that is being sent.
    pub async fn run(&self, registry: &Registry, sink: &impl Sink, stop: impl Future<Output = ()>) {
        let exporter = &*self.inner;
        let mut stop = std::pin::pin!(stop);
        let mut ticks = tokio::time::interval(exporter.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is at once, and there is nothing to tell yet.
        ticks.tick().await;
        loop {
            let next = async {
                ticks.tick().await;
                exporter.send(registry, sink).await;
            };
            tokio::select! {
                () = next => {}
                () = &mut stop => break,
            }
        }
        // An export that was under way is replaced by the last one: it has the same totals, and newer.
        if tokio::time::timeout(FLUSH, exporter.send(registry, sink)).await.is_err() {
            exporter.delivery.give_up(0);
        }
    }
}

impl Inner {
    async fn send(&self, registry: &Registry, sink: &impl Sink) {
        let span = Span { started: self.started, now: SystemTime::now() };
        let mut batches = Batches::new(&self.resource, registry.metrics(), span);
        for (encoded, points) in batches.by_ref() {
            let failed = self.delivery.failed();
            self.delivery.send(sink, encoded, points).await;
            if self.delivery.failed() > failed {
                break;
            }
        }
        // A collector that fails would hold up each of the others, too.
        self.delivery.lose(batches.map(|(_, points)| points).sum());
    }
}

impl Source for Inner {
    fn table(&self) -> &'static Table {
        &OTLP_METRICS
    }

    fn rows(&self) -> Vec<TableRow> {
        let delivery = &self.delivery;
        vec![[delivery.taken(), delivery.lost(), delivery.failed()].map(TableValue::from).to_vec()]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::time::Instant;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(60);

    /// A collector that counts exports, and answers when it has an answer.
    #[derive(Default)]
    struct Collector {
        exports: AtomicU64,
        answer: Mutex<Option<Result<Vec<u8>, String>>>,
    }

    impl Sink for Collector {
        async fn send(&self, _batch: Vec<u8>) -> Result<Vec<u8>, String> {
            self.exports.fetch_add(1, Ordering::Relaxed);
            let answer = self.answer.lock().unwrap().clone();
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        }
    }

    fn exporter() -> (Registry, MetricExporter) {
        let registry = Registry::new();
        let exporter = MetricExporter::new(Resource::default(), SystemTime::now(), INTERVAL);
        exporter.register(&registry);
        (registry, exporter)
    }

    #[tokio::test(start_paused = true)]
    async fn metrics_are_exported_in_each_interval_and_once_more_at_the_end() {
        let ((registry, exporter), collector) = (exporter(), Collector::default());
        *collector.answer.lock().unwrap() = Some(Ok(Vec::new()));
        exporter.run(&registry, &collector, tokio::time::sleep(3 * INTERVAL + INTERVAL / 2)).await;
        assert_eq!(collector.exports.load(Ordering::Relaxed), 4);
        let delivery = &exporter.inner.delivery;
        assert_eq!((delivery.taken(), delivery.lost()), (4 * 3, 0), "three counters of its own");
    }

    #[tokio::test(start_paused = true)]
    async fn a_collector_that_never_answers_holds_the_end_up_for_no_longer_than_the_flush() {
        let ((registry, exporter), collector) = (exporter(), Collector::default());
        let began = Instant::now();
        exporter.run(&registry, &collector, tokio::time::sleep(2 * INTERVAL)).await;
        assert_eq!(began.elapsed(), 2 * INTERVAL + FLUSH);
        assert_eq!(exporter.inner.delivery.lost(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_collector_costs_its_exports_and_they_are_counted() {
        let ((registry, exporter), collector) = (exporter(), Collector::default());
        *collector.answer.lock().unwrap() = Some(Err("connection refused".to_owned()));
        exporter.run(&registry, &collector, tokio::time::sleep(INTERVAL + INTERVAL / 2)).await;
        let delivery = &exporter.inner.delivery;
        assert_eq!((delivery.failed(), delivery.lost(), delivery.taken()), (2, 2 * 3, 0));
    }
}
