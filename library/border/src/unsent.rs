//! Bytes of answers that the clients of a listener have not taken yet, over all connections.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// The sum of all connections of a listener.
#[derive(Debug, Default)]
pub(crate) struct Unsent {
    bytes: AtomicU64,
    /// Notified when a client has taken an answer.
    taken: Notify,
}

impl Unsent {
    pub(crate) fn hold(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    pub(crate) fn release(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
        self.taken.notify_waiters();
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    /// Returns when an answer has been taken since this was called. Cancel-safe.
    pub(crate) fn taken(&self) -> tokio::sync::futures::Notified<'_> {
        self.taken.notified()
    }
}
