//! The bounded queue between the log and its export. Adding a line never waits, and costs one look while nothing is exported.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::otlp::delivery::is_delivering;

/// The most lines that wait for their export; further ones are lost to the collector until there is room.
pub const QUEUE_RECORDS: usize = 2048;
/// The most bytes that wait.
pub const QUEUE_BYTES: usize = 4 * 1024 * 1024;
/// Lines of a batch.
pub(super) const BATCH_RECORDS: usize = 512;

/// Lines of the log that wait for their export.
#[derive(Debug, Default)]
pub struct LogQueue {
    waiting: Mutex<Waiting>,
    is_open: AtomicBool,
    lost: AtomicU64,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Box<str>>,
    bytes: usize,
}

impl LogQueue {
    /// Adds a copy of a line while an exporter takes them, or counts it as lost when there is no room. Lines of the export itself are left out.
    pub(crate) fn offer(&self, line: &str) {
        if !self.is_open() || is_delivering() {
            return;
        }
        let mut waiting = self.waiting();
        if waiting.lines.len() >= QUEUE_RECORDS || waiting.bytes + line.len() > QUEUE_BYTES {
            drop(waiting);
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.bytes += line.len();
        waiting.lines.push_back(line.into());
        let is_full = waiting.lines.len() == BATCH_RECORDS;
        drop(waiting);
        if is_full {
            self.changed.notify_one();
        }
    }

    /// Opens it for the one exporter; false when another one has it.
    pub(super) fn open(&self) -> bool {
        !self.is_open.swap(true, Ordering::AcqRel)
    }

    /// Takes no further lines, and wakes the exporter for the last time.
    pub(super) fn close(&self) {
        self.is_open.store(false, Ordering::Release);
        self.changed.notify_one();
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// Takes the oldest lines, a batch of them.
    pub(super) fn take(&self, most: usize) -> Vec<Box<str>> {
        let mut waiting = self.waiting();
        let count = most.min(waiting.lines.len());
        let taken: Vec<Box<str>> = waiting.lines.drain(..count).collect();
        waiting.bytes -= taken.iter().map(|line| line.len()).sum::<usize>();
        taken
    }

    /// Waits until a batch is full, or the queue is closed. Cancel-safe.
    pub(super) async fn filled(&self) {
        while self.len() < BATCH_RECORDS && self.is_open() {
            self.changed.notified().await;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting().lines.len()
    }

    /// Lines that found no room.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it is held.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_loses_lines_and_counts_them_and_a_closed_one_takes_none() {
        let queue = LogQueue::default();
        queue.offer("before the export");
        assert!(queue.open() && !queue.open());
        (0..QUEUE_RECORDS + 3).for_each(|_| queue.offer("line"));
        assert_eq!((queue.len(), queue.lost()), (QUEUE_RECORDS, 3));
        assert_eq!(queue.take(BATCH_RECORDS).len(), BATCH_RECORDS);
        let large = "x".repeat(QUEUE_BYTES / 2);
        (0..3).for_each(|_| queue.offer(&large));
        assert_eq!((queue.len(), queue.lost()), (QUEUE_RECORDS - BATCH_RECORDS + 1, 5));
        queue.close();
        queue.offer("after the end");
        assert_eq!(queue.take(usize::MAX).len(), QUEUE_RECORDS - BATCH_RECORDS + 1);
        assert_eq!(queue.waiting().bytes, 0);
    }
}
