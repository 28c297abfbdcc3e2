//! The transport of exports, and the time that the end of a service leaves them.

use std::time::Duration;

/// Time for the last batches once the service ends.
pub const FLUSH: Duration = Duration::from_secs(2);

/// Sends one encoded batch to the collector, within bounds of its own, and returns the body of the answer.
pub trait Sink: Send + Sync {
    /// Sends a batch.
    ///
    /// # Errors
    /// The reason, in words, when the collector did not take it.
    fn send(&self, batch: Vec<u8>) -> impl Future<Output = Result<Vec<u8>, String>> + Send;
}
