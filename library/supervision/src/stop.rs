//! Stop signals for parts.

use tokio::sync::watch;

/// Requests the end of every holder of its [`Stop`]. Dropping it requests that too.
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
    /// Creates a source without a request.
    pub fn new() -> Self {
        Self { sender: watch::Sender::new(false) }
    }

    /// A listener.
    pub fn listen(&self) -> Stop {
        Stop { receiver: self.sender.subscribe() }
    }

    /// Requests the end of all holders, now and in future.
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

    /// Returns true once the end is requested.
    pub fn is_requested(&self) -> bool {
        *self.receiver.borrow() || self.receiver.has_changed().is_err()
    }
}
