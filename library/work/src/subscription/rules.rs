//! Rules of a subscription.

use std::sync::Arc;
use std::time::Duration;

use ::store::{BoxFuture, Transaction};
use resilience::Backoff;

use crate::event::{Cursor, StoredEvent};
use crate::job::outcome::JobError;

/// The begin of a new subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// The first event of the log.
    #[default]
    Begin,
    /// The events after its registration.
    Now,
    /// The events behind a position.
    After(Cursor),
}

/// The end of a new subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Until {
    /// None.
    #[default]
    Forever,
    /// The last event before its registration.
    Now,
    /// The event at a position.
    At(Cursor),
}

/// The consequence of an event that fails in every attempt, or permanently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Poison {
    /// The subscription halts with the reason, until it is resumed or rebuilt: nothing is left out.
    #[default]
    Halt,
    /// The event goes to the quarantine with the reason, and the subscription goes on.
    Quarantine,
}

/// A handler that changes the database.
pub(super) type Fold =
    Arc<dyn for<'t> Fn(&'t mut Transaction, Arc<[StoredEvent]>) -> BoxFuture<'t, Result<(), JobError>> + Send + Sync>;
/// A handler that calls another system.
pub(super) type Deliver = Arc<dyn Fn(Arc<[StoredEvent]>) -> BoxFuture<'static, Result<(), JobError>> + Send + Sync>;
/// Deletes the effects of a fold.
pub(super) type Clear = Arc<dyn for<'t> Fn(&'t mut Transaction) -> BoxFuture<'t, Result<(), JobError>> + Send + Sync>;

/// The consumer of the events.
#[derive(Clone)]
pub(super) enum Consumer {
    Fold(Fold),
    Deliver(Deliver),
}

#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) start: Start,
    pub(super) until: Until,
    pub(super) throttle: Option<u32>,
    pub(super) batch: usize,
    pub(super) attempts: u32,
    pub(super) backoff: Backoff,
    pub(super) poison: Poison,
    pub(super) poll: Duration,
    pub(super) ttl: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            start: Start::default(),
            until: Until::default(),
            throttle: None,
            batch: 200,
            attempts: 10,
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
            poison: Poison::default(),
            poll: Duration::from_millis(200),
            ttl: Duration::from_secs(15),
        }
    }
}
