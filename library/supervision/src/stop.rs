//! Stop signals for parts.

use tokio::sync::watch;

/// Asks everybody who holds a [`Stop`] to end. Dropping it asks too.
#[derive(Debug)]
pub struct StopSource {
    sender: watch::Sender<bool>,
}

/// Learns that it shall end.
#[derive(Clone, Debug)]
pub struct Stop {
    receiver: watch::Receiver<bool>,
}

impl StopSource {
    /// Nobody is asked yet.
    pub fn new() -> Self {
        Self { sender: watch::Sender::new(false) }
    }

    /// A listener.
    pub fn listen(&self) -> Stop {
        Stop { receiver: self.sender.subscribe() }
    }

    /// Asks all listeners to end, now and in future.
    pub fn request(&self) {
        self.sender.send_replace(true);
    }
}

impl Default for StopSource {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// Returns when the part shall end. Cancel-safe.
    pub async fn requested(&self) {
        // An error means that the source is gone, which asks too.
        let _ = self.receiver.clone().wait_for(|requested| *requested).await;
    }

    /// Returns true once the part is asked to end.
    pub fn is_requested(&self) -> bool {
        *self.receiver.borrow() || self.receiver.has_changed().is_err()
    }
}
