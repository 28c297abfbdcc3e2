//! Subscriptions: consumers of the event log, each with a cursor in the database and one process at a time.
//!
//! A *fold* changes this database: events, effect and cursor are one transaction, so that each event is folded exactly once, whatever is
//! killed or paused. A *delivery* calls another system and moves the cursor after it: at least once, in order; the receiver tells
//! repetitions by the id of the message, in `Store::once`. Live events, a backlog and a rebuild from the first event are one path.

mod apply;
mod follow;
mod rules;
mod set;
mod stats;
mod store;

use std::sync::Arc;
use std::time::Duration;

use ::store::{BoxFuture, Transaction};
use resilience::Backoff;

use crate::event::{MAX_BATCH, StoredEvent};
use crate::job::outcome::JobError;
use crate::lease::SHORTEST_TTL;
use rules::{Clear, Consumer, Rules};

pub use rules::{Poison, Start, Until};
pub use set::{Progress, Subscriptions};
pub use store::{MAX_LISTED, SubscriptionRow, SubscriptionState, SubscriptionStore};

/// A subscription: its name, its consumer and its rules.
///
/// The name is the identity of the cursor in the database: a new name begins anew.
#[derive(Clone)]
pub struct Subscription {
    name: Arc<str>,
    consumer: Consumer,
    clear: Option<Clear>,
    rules: Rules,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("name", &self.name).field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Subscription {
    /// Folds events exactly once: the handler changes this database in the transaction that moves the cursor.
    ///
    /// The handler gets events of all kinds in the order of the log, several in one transaction, and ignores those that it does not need. It
    /// may run again after a conflict, and must have no effect but on the transaction.
    pub fn fold<F>(name: impl Into<Arc<str>>, handler: F) -> Self
    where
        F: for<'t> Fn(&'t mut Transaction, StoredEvent) -> BoxFuture<'t, Result<(), JobError>> + Send + Sync + 'static,
    {
        let handler = Arc::new(handler);
        Self::fold_batch(name, move |tx, events| {
            let handler = handler.clone();
            Box::pin(async move {
                for event in events.iter() {
                    handler(&mut *tx, event.clone()).await?;
                }
                Ok(())
            })
        })
    }

    /// As [`Subscription::fold`], with all events of a transaction at once.
    pub fn fold_batch<F>(name: impl Into<Arc<str>>, handler: F) -> Self
    where
        F: for<'t> Fn(&'t mut Transaction, Arc<[StoredEvent]>) -> BoxFuture<'t, Result<(), JobError>>
            + Send
            + Sync
            + 'static,
    {
        Self::new(name.into(), Consumer::Fold(Arc::new(handler)))
    }

    /// Delivers events to another system at least once and in order: an outbox. The cursor is moved after the handler returned `Ok`.
    ///
    /// After a crash or a lost lease the last batch is delivered again: pass [`StoredEvent::message_id`] on, by which the receiver tells it.
    /// The handler is dropped at its next await when the lease is lost.
    pub fn deliver<F, R, E>(name: impl Into<Arc<str>>, handler: F) -> Self
    where
        F: Fn(Arc<[StoredEvent]>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<JobError> + 'static,
    {
        let handler = move |events| -> BoxFuture<'static, Result<(), JobError>> {
            let delivered = handler(events);
            Box::pin(async move { delivered.await.map_err(Into::into) })
        };
        Self::new(name.into(), Consumer::Deliver(Arc::new(handler)))
    }

    fn new(name: Arc<str>, consumer: Consumer) -> Self {
        Self { name, consumer, clear: None, rules: Rules::default() }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets the begin of a subscription that is not in the database yet. Default [`Start::Begin`].
    #[must_use]
    pub fn start(mut self, start: Start) -> Self {
        self.rules.start = start;
        self
    }

    /// Sets the end of a subscription that is not in the database yet: with one it is a batch job over a range of the log, which stops and
    /// goes on like any other. Default [`Until::Forever`].
    #[must_use]
    pub fn until(mut self, until: Until) -> Self {
        self.rules.until = until;
        self
    }

    /// Sets the maximum number of events a second, so that a replay leaves room for live work. Default none.
    #[must_use]
    pub fn throttle(mut self, events_per_second: u32) -> Self {
        self.rules.throttle = Some(events_per_second.max(1));
        self
    }

    /// Sets the maximum number of events of one transaction or delivery, 1 to [`MAX_BATCH`]. Default 200.
    #[must_use]
    pub fn batch(mut self, events: usize) -> Self {
        self.rules.batch = events.clamp(1, MAX_BATCH);
        self
    }

    /// Sets the number of attempts for one event, and the waits between them. Default 10, up to 1 s, doubling up to 60 s, full jitter.
    #[must_use]
    pub fn attempts(mut self, attempts: u32, backoff: Backoff) -> Self {
        (self.rules.attempts, self.rules.backoff) = (attempts.max(1), backoff);
        self
    }

    /// Sets the consequence of an event that fails in every attempt. Default [`Poison::Halt`].
    #[must_use]
    pub fn on_poison(mut self, poison: Poison) -> Self {
        self.rules.poison = poison;
        self
    }

    /// Sets the wait between two looks for events; the longest, while there are none, is five times as long. Default 200 ms, half of it early
    /// or late; a commit of the same process wakes the subscription at once.
    #[must_use]
    pub fn poll(mut self, wait: Duration) -> Self {
        self.rules.poll = wait.max(Duration::from_millis(1));
        self
    }

    /// Sets the time after which another process goes on when this one gives no sign of life. Default 15 s.
    ///
    /// # Panics
    /// When it is shorter than [`SHORTEST_TTL`].
    #[must_use]
    pub fn lease(mut self, ttl: Duration) -> Self {
        assert!(
            ttl >= SHORTEST_TTL,
            "the lease {ttl:?} of the subscription {:?} is shorter than {SHORTEST_TTL:?}",
            self.name
        );
        self.rules.ttl = ttl;
        self
    }

    /// Deletes the effects of a fold, in the transaction in which [`Subscriptions::rebuild`] moves the cursor to the first event.
    #[must_use]
    pub fn on_rebuild<F>(mut self, clear: F) -> Self
    where
        F: for<'t> Fn(&'t mut Transaction) -> BoxFuture<'t, Result<(), JobError>> + Send + Sync + 'static,
    {
        self.clear = Some(Arc::new(clear));
        self
    }
}
