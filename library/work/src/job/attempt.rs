//! An attempt that runs in this process: its fence, its signal and its progress.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use super::claimed::Held;

/// The reason why a handler has to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// It goes on.
    None,
    /// The job was cancelled.
    Cancelled,
    /// The lease is over, or another worker has the job.
    Lost,
    /// The worker ends.
    Interrupted,
}

/// An attempt that runs, or waits for its handler or its completion.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) held: Held,
    signal: watch::Sender<Signal>,
    progress: Mutex<String>,
    /// The moment from which another worker may have the job.
    trusted_until: Mutex<Instant>,
    /// True while the handler has a transaction that deletes the job: a heartbeat would conflict with it.
    in_transaction: AtomicBool,
}

impl Attempt {
    pub(crate) fn new(held: Held, trusted_until: Instant) -> Self {
        Self {
            held,
            signal: watch::Sender::new(Signal::None),
            progress: Mutex::default(),
            trusted_until: Mutex::new(trusted_until),
            in_transaction: AtomicBool::new(false),
        }
    }

    /// Stops the handler. The first signal stays.
    pub(crate) fn signal(&self, signal: Signal) {
        self.signal.send_if_modified(|present| {
            let first = *present == Signal::None;
            if first {
                *present = signal;
            }
            first
        });
    }

    pub(crate) fn present(&self) -> Signal {
        *self.signal.borrow()
    }

    /// Returns once the handler has to stop, with the reason. Cancel-safe.
    pub(crate) async fn signalled(&self) -> Signal {
        let mut watching = self.signal.subscribe();
        // The sender is in `self`: it lives for as long as this waits.
        let signal = watching.wait_for(|signal| *signal != Signal::None).await.map(|signal| *signal);
        signal.unwrap_or(Signal::Lost)
    }

    pub(crate) fn set_progress(&self, text: String) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    pub(crate) fn progress(&self) -> String {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn trust_until(&self, moment: Instant) {
        *self.trusted_until.lock().unwrap_or_else(PoisonError::into_inner) = moment;
    }

    pub(crate) fn trusted_until(&self) -> Instant {
        *self.trusted_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_in_transaction(&self, value: bool) {
        self.in_transaction.store(value, Ordering::Relaxed);
    }

    pub(crate) fn is_in_transaction(&self) -> bool {
        self.in_transaction.load(Ordering::Relaxed)
    }
}
