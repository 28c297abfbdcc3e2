//! Turn of a connection: the number of pipelined requests that it begins before other connections have their turn.
//!
//! The HTTP server begins up to sixteen pipelined requests before it gives way. With hundreds of pipelining connections another client would
//! wait for thousands of requests.

use std::sync::atomic::{AtomicU32, Ordering};

/// The most requests that a connection of HTTP/1.1 begins in one turn of its task.
const REQUESTS: u32 = 4;

/// Requests of a connection in the present turn of its task.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    begun: AtomicU32,
}

impl Turn {
    /// The task of the connection has its turn.
    pub(crate) fn begins(&self) {
        // Only written where it changes.
        if self.begun.load(Ordering::Relaxed) != 0 {
            self.begun.store(0, Ordering::Relaxed);
        }
    }

    /// Counts a request. Returns true when it belongs to the next turn: the task must give way first.
    pub(crate) fn is_over(&self) -> bool {
        self.begun.fetch_add(1, Ordering::Relaxed) >= REQUESTS
    }
}
