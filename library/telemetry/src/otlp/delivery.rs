//! Delivery of batches: each is sent once, its items are counted as taken or lost, and the log says when that changes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::otlp::message::rejected;
use crate::otlp::sink::Sink;

tokio::task_local! {
    static DELIVERS: ();
}

/// Returns true in a task that sends a batch: its own events are not exported, or each export would cause the next.
pub(crate) fn is_delivering() -> bool {
    DELIVERS.try_with(|()| ()).is_ok()
}

/// Counts of what was sent.
#[derive(Debug)]
pub(super) struct Delivery {
    /// The name of the signal in the log, such as `metrics`.
    signal: &'static str,
    taken: AtomicU64,
    lost: AtomicU64,
    failed: AtomicU64,
    /// Items of the batch that is being sent.
    under_way: AtomicU64,
    is_failing: AtomicBool,
}

impl Delivery {
    pub(super) fn new(signal: &'static str) -> Self {
        Self {
            signal,
            taken: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            under_way: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
        }
    }

    /// Sends a batch of this many items.
    ///
    /// Not cancel-safe: [`Delivery::give_up`] counts the items of a send that was dropped.
    pub(super) async fn send(&self, sink: &impl Sink, batch: Vec<u8>, items: u64) {
        self.under_way.store(items, Ordering::Relaxed);
        let answer = DELIVERS.scope((), sink.send(batch)).await.and_then(|body| rejected(&body));
        self.under_way.store(0, Ordering::Relaxed);
        let signal = self.signal;
        match answer {
            Ok((rejected, reason)) => {
                let rejected = rejected.min(items);
                self.taken.fetch_add(items - rejected, Ordering::Relaxed);
                self.lose(rejected);
                if rejected > 0 {
                    tracing::warn!(signal, rejected, reason, "the collector refused a part of an export");
                }
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    tracing::info!(signal, lost = self.lost(), "the collector takes exports again");
                }
            }
            Err(reason) => {
                self.lose(items);
                self.failed.fetch_add(1, Ordering::Relaxed);
                // Reported once, until it works again.
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(signal, items, reason, "an export failed; check OTEL_EXPORTER_OTLP_ENDPOINT");
                }
            }
        }
    }

    /// Counts items that were lost before a send.
    pub(super) fn lose(&self, items: u64) {
        self.lost.fetch_add(items, Ordering::Relaxed);
    }

    /// Counts what is left at the end as lost, with the items that are being sent.
    pub(super) fn give_up(&self, left: u64) {
        let lost = left + self.under_way.swap(0, Ordering::Relaxed);
        self.lose(lost);
        tracing::warn!(signal = self.signal, lost, "the last export did not end in time");
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Batches that could not be sent.
    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}
