//! The doorbell of the log: a commit that appends events wakes the subscriptions of this process. Others see the events when they poll.

use tokio::sync::Notify;

/// Rung after each commit with events. A subscription that is not waiting at that moment sees the events at its next look.
static APPENDED: Notify = Notify::const_new();

/// Wakes the subscriptions of this process.
pub(super) fn ring() {
    APPENDED.notify_waiters();
}

/// Returns after the next commit of this process that appends events. Cancel-safe.
pub(crate) async fn rung() {
    APPENDED.notified().await;
}
