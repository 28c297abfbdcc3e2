//! The bells of the queues that this process works on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

/// The bell of a queue in this process; it is silent when its workers have ended.
type Bells = Mutex<BTreeMap<String, Weak<Notify>>>;

/// The bells by queue. Only workers add one, so that there are as many as queues that this process has worked on.
static BELLS: Bells = Mutex::new(BTreeMap::new());

/// Returns the bell of a queue. Several workers of one queue in one process share it, and one of them wakes.
pub(crate) fn bell(queue: &str) -> Arc<Notify> {
    let mut bells = BELLS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bell) = bells.get(queue).and_then(Weak::upgrade) {
        return bell;
    }
    bells.retain(|_, bell| bell.strong_count() > 0);
    let bell = Arc::new(Notify::new());
    bells.insert(queue.to_owned(), Arc::downgrade(&bell));
    bell
}

/// Wakes the workers of a queue in this process, if it has any.
pub(crate) fn wake(queue: &str) {
    let bells = BELLS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bell) = bells.get(queue).and_then(Weak::upgrade) {
        bell.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_bell_wakes_its_own_queue_and_is_gone_with_its_workers() {
        let (mail, other) = (bell("doorbell mail"), bell("doorbell other"));
        wake("doorbell mail");
        wake("doorbell of no worker");
        assert!(mail.notified().now_or_never().is_some());
        assert!(other.notified().now_or_never().is_none());
        drop(mail);
        wake("doorbell mail");
        assert!(bell("doorbell mail").notified().now_or_never().is_none(), "a new bell has not been rung");
    }
}
