//! The exporter: a bounded queue of reports, and the task that sends them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value as Json;
use tokio::sync::Notify;
use vitals::{Column, Registry, Source, Table, TableRow, TableValue};

use super::envelope::envelope;
use crate::errors::Errors;
use crate::otlp::{FLUSH, Sink};

/// The most reports that wait; further ones are lost.
pub const QUEUE_REPORTS: usize = 64;

const SENTRY: Table = Table {
    name: "sentry",
    help: "Reports of failures sent to SENTRY_DSN.",
    columns: &[
        Column::counter("sent", "Reports that were taken."),
        Column::counter("lost", "Reports that found no room in the queue, or could not be sent."),
        Column::gauge("queue", "Reports that wait."),
        Column::gauge("queue_limit", "The most reports that wait."),
    ],
};

/// Sends reports of failures. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SentryExporter {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    environment: String,
    queue: Mutex<VecDeque<Arc<Json>>>,
    changed: Notify,
    is_closed: AtomicBool,
    is_sending: AtomicBool,
    sent: AtomicU64,
    lost: AtomicU64,
    /// True after a report that could not be sent.
    is_failing: AtomicBool,
}

impl SentryExporter {
    /// Takes each report of `errors` from now on; `environment` is that of the service, or empty.
    pub fn of(errors: &Errors, environment: &str, registry: &Registry) -> Self {
        let inner = Arc::new(Inner { environment: environment.to_owned(), ..Inner::default() });
        registry.register(inner.clone());
        let queue = inner.clone();
        errors.export_to(move |report| queue.offer(report));
        Self { inner }
    }

    /// Sends reports until `stop` returns; then those that wait, for at most [`FLUSH`]. What was not sent by then is lost.
    ///
    /// Not cancel-safe: a dropped run loses the report that is being sent.
    pub async fn run(&self, sink: &impl Sink, stop: impl Future<Output = ()>) {
        let inner = &*self.inner;
        inner.is_closed.store(false, Ordering::Release);
        let mut work = std::pin::pin!(inner.send_all(sink));
        tokio::select! {
            () = &mut work => return,
            () = stop => inner.close(),
        }
        if tokio::time::timeout(FLUSH, work).await.is_err() {
            let left = inner.queue().drain(..).count() as u64 + u64::from(inner.is_sending.load(Ordering::Relaxed));
            inner.lost.fetch_add(left, Ordering::Relaxed);
            tracing::warn!(lost = left, within = ?FLUSH, "the last reports of failures could not be sent in time");
        }
    }
}

impl Inner {
    fn offer(&self, report: Arc<Json>) {
        let mut queue = self.queue();
        if queue.len() == QUEUE_REPORTS {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        queue.push_back(report);
        drop(queue);
        self.changed.notify_one();
    }

    async fn send_all(&self, sink: &impl Sink) {
        loop {
            // Read first: what was added before the end is sent.
            let is_last = self.is_closed.load(Ordering::Acquire);
            let next = self.queue().pop_front();
            match next {
                Some(report) => self.send(sink, &report).await,
                None if is_last => return,
                None => self.changed.notified().await,
            }
        }
    }

    async fn send(&self, sink: &impl Sink, report: &Json) {
        let envelope = envelope(report, &vitals::new_request_id(), &self.environment);
        self.is_sending.store(true, Ordering::Relaxed);
        let answer = sink.send(envelope).await;
        self.is_sending.store(false, Ordering::Relaxed);
        match answer {
            Ok(_) => {
                self.sent.fetch_add(1, Ordering::Relaxed);
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("reports of failures are taken again");
                }
            }
            Err(reason) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                // Said once, until it works again.
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(reason, "a report of a failure could not be sent; check SENTRY_DSN");
                }
            }
        }
    }

    fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Arc<Json>>> {
        // A deque of pointers is whole whatever happened to the thread that held the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Inner {
    fn table(&self) -> &'static Table {
        &SENTRY
    }

    fn rows(&self) -> Vec<TableRow> {
        let (sent, lost) = (self.sent.load(Ordering::Relaxed), self.lost.load(Ordering::Relaxed));
        let waiting = self.queue().len() as u64;
        vec![[sent, lost, waiting, QUEUE_REPORTS as u64].map(TableValue::from).to_vec()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes reports, refuses them, or gives no answer.
    enum Stand {
        Takes(Mutex<Vec<Vec<u8>>>),
        Refuses,
        Hangs,
    }

    impl Sink for Stand {
        async fn send(&self, batch: Vec<u8>) -> Result<Vec<u8>, String> {
            match self {
                Self::Takes(taken) => {
                    taken.lock().unwrap().push(batch);
                    Ok(Vec::new())
                }
                Self::Refuses => Err("429".to_owned()),
                Self::Hangs => std::future::pending().await,
            }
        }
    }

    fn with(reports: usize) -> SentryExporter {
        let exporter = SentryExporter { inner: Arc::default() };
        (0..reports).for_each(|number| exporter.inner.offer(Arc::new(Json::from(number))));
        exporter
    }

    fn counts(exporter: &SentryExporter) -> [f64; 3] {
        let row = exporter.inner.rows().remove(0);
        [0, 1, 2].map(|column| row[column].number().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn reports_that_wait_at_the_end_are_sent_and_those_without_room_are_counted() {
        let (exporter, stand) = (with(QUEUE_REPORTS + 3), Stand::Takes(Mutex::default()));
        exporter.run(&stand, async {}).await;
        assert_eq!(counts(&exporter), [QUEUE_REPORTS as f64, 3.0, 0.0]);
        let Stand::Takes(taken) = stand else { return };
        assert_eq!(taken.lock().unwrap().len(), QUEUE_REPORTS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sentry_that_refuses_or_hangs_costs_the_reports_and_at_most_two_seconds() {
        let exporter = with(4);
        exporter.run(&Stand::Refuses, async {}).await;
        assert_eq!(counts(&exporter), [0.0, 4.0, 0.0]);
        let (exporter, begun) = (with(4), tokio::time::Instant::now());
        exporter.run(&Stand::Hangs, async {}).await;
        assert_eq!((counts(&exporter), begun.elapsed()), ([0.0, 4.0, 0.0], FLUSH));
    }
}
