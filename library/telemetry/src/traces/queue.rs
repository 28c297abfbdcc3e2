//! The bounded queue between requests and the exporter. Adding to it never waits.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::traces::span::Span;
use crate::traces::state::TraceState;

/// The most spans that wait for the exporter; the traces that follow are lost until there is room.
pub const QUEUE_SPANS: usize = 2048;
/// Spans of a batch; it has whole traces, so that it may have a few more.
pub const BATCH_SPANS: usize = 512;

/// The spans of one request that are to be exported.
#[derive(Debug)]
pub(crate) struct KeptTrace {
    pub(crate) trace: [u8; 16],
    pub(crate) flags: u8,
    pub(crate) state: Option<TraceState>,
    pub(crate) spans: Vec<Span>,
}

/// Traces that wait for the exporter.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    /// Spans that found no room.
    lost: AtomicU64,
    closed: AtomicBool,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    traces: VecDeque<KeptTrace>,
    spans: usize,
}

impl Queue {
    /// Adds a trace, or counts its spans as lost when there is no room.
    pub(crate) fn push(&self, trace: KeptTrace) {
        let added = trace.spans.len();
        let mut waiting = self.waiting();
        if waiting.spans + added > QUEUE_SPANS {
            drop(waiting);
            self.lost.fetch_add(added as u64, Ordering::Relaxed);
            return;
        }
        let before = waiting.spans;
        waiting.spans += added;
        waiting.traces.push_back(trace);
        drop(waiting);
        if before < BATCH_SPANS && before + added >= BATCH_SPANS {
            self.changed.notify_one();
        }
    }

    /// Takes whole traces, until they have `batch` spans.
    pub(crate) fn take(&self, batch: usize) -> Vec<KeptTrace> {
        let mut waiting = self.waiting();
        let (mut taken, mut spans) = (Vec::new(), 0);
        while spans < batch
            && let Some(trace) = waiting.traces.pop_front()
        {
            spans += trace.spans.len();
            taken.push(trace);
        }
        waiting.spans -= spans;
        taken
    }

    /// Waits until a batch is full, or the queue is closed. Cancel-safe.
    pub(crate) async fn filled(&self) {
        while self.len() < BATCH_SPANS && !self.is_closed() {
            self.changed.notified().await;
        }
    }

    /// Wakes the exporter for the last time.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Spans that wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting().spans
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it is held.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::traces::span::SpanKind;

    pub(crate) fn trace_of(spans: usize) -> KeptTrace {
        let span = Span {
            id: [1; 8],
            parent: None,
            kind: SpanKind::Server,
            name: "GET /".into(),
            start: 1,
            end: 2,
            attributes: Vec::new(),
            failed: false,
        };
        KeptTrace { trace: [1; 16], flags: 1, state: None, spans: vec![span; spans] }
    }

    #[test]
    fn a_full_queue_loses_whole_traces_and_counts_their_spans() {
        let queue = Queue::default();
        queue.push(trace_of(QUEUE_SPANS - 1));
        queue.push(trace_of(2));
        assert_eq!((queue.len(), queue.lost()), (QUEUE_SPANS - 1, 2));
        queue.push(trace_of(1));
        assert_eq!((queue.len(), queue.lost()), (QUEUE_SPANS, 2));
        assert_eq!(queue.take(1).len(), 1);
        assert_eq!(queue.len(), 1);
    }
}
