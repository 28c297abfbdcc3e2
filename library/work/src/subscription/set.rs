//! The subscriptions of one process.
//!
//! Cancel-safe: a dropped run leaves each transaction whole or undone, and the leases to the time of their end.

use std::sync::Arc;
use std::time::Duration;

use ::store::Store;
use futures_util::future::join_all;
use supervision::Stop;
use vitals::Registry;

use super::Subscription;
use super::apply::Fault;
use super::follow::{Follower, Round};
use super::stats::{LogTable, Stats};
use super::store::{SubscriptionState, SubscriptionStore, reset};
use crate::error::{Refusal, WorkError};
use crate::event::EventLog;
use crate::lease::Leader;

/// Time between two looks for events that are held back.
const LOOK: Duration = Duration::from_secs(5);
/// Age of events that are held back from which on it is logged.
const STALLED: Duration = Duration::from_secs(10);

/// The end of [`Subscriptions::catch_up`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Events that were consumed.
    pub events: usize,
    /// The state of the subscription.
    pub state: SubscriptionState,
}

/// The subscriptions of one process.
#[derive(Debug)]
pub struct Subscriptions {
    store: Store,
    subscriptions: Vec<Subscription>,
    holder: String,
}

impl Subscriptions {
    /// No subscriptions yet, to the log of a store.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone(), subscriptions: Vec::new(), holder: vitals::new_id("node") }
    }

    /// Adds a subscription.
    ///
    /// # Panics
    /// When there is one of this name.
    #[must_use]
    pub fn add(mut self, subscription: Subscription) -> Self {
        let name = &subscription.name;
        assert!(self.find(name).is_none(), "there are two subscriptions of the name {name:?}");
        self.subscriptions.push(subscription);
        self
    }

    /// The cursors of all subscriptions of the store, and their levers.
    pub fn rows(&self) -> SubscriptionStore {
        SubscriptionStore::new(&self.store)
    }

    /// Runs the subscriptions until the stop; each is consumed by one process of all that run it.
    pub async fn run(&self, registry: &Registry, stop: Stop) {
        let log_table = Arc::new(LogTable::default());
        registry.register(log_table.clone());
        let watch = async {
            tokio::select! {
                () = stop.requested() => {}
                () = watch(EventLog::new(&self.store), &log_table) => {}
            }
        };
        let loops = self.subscriptions.iter().map(|subscription| {
            let stop = stop.clone();
            async move {
                let stats = Arc::new(Stats::new(subscription.name.clone()));
                registry.register(stats.clone());
                let work = |lease| {
                    let stats = stats.clone();
                    async move {
                        Follower::new(subscription, &self.store, lease, &stats).run().await;
                        stats.set_state(None);
                    }
                };
                self.leader(subscription).run(registry, stop, work).await;
            }
        });
        tokio::join!(watch, join_all(loops));
    }

    /// Consumes the events of one subscription until there are none left, then returns: for tests, and for batch programs over a range.
    ///
    /// # Errors
    /// [`Refusal::Consumer`] when the consumer fails; [`Refusal::Stale`] when another process consumes; else the store's. The cursor stays behind the
    /// last batch that was consumed: a further call goes on from there.
    pub async fn catch_up(&self, name: &str) -> Result<Progress, WorkError> {
        let subscription = self.known(name)?;
        let leader = self.leader(subscription);
        let stale = || Refusal::Stale { name: lease_name(name), fence: 0, found: 0 };
        let lease = leader.try_lead().await.ok_or_else(stale)?;
        let stats = Stats::new(subscription.name.clone());
        let mut follower = Follower::new(subscription, &self.store, lease.clone(), &stats);
        let mut events = 0;
        let consume = async {
            loop {
                match follower.round().await? {
                    Round::Consumed(count) => events += count,
                    Round::Idle => return Ok(SubscriptionState::Active),
                    Round::Resting(state) => return Ok(state),
                    // A batch that is split into its events.
                    Round::Failed(Duration::ZERO, _) => {}
                    Round::Failed(_, reason) => {
                        return Err(Refusal::Consumer { name: name.to_owned(), reason }.into());
                    }
                }
            }
        };
        let outcome = tokio::select! {
            biased;
            () = leader.keep(&lease) => Err(stale().into()),
            outcome = consume => outcome,
        };
        leader.give_back(&lease).await;
        outcome.map(|state| Progress { events, state })
    }

    /// Deletes the effects of a fold and begins again with the first event, in one transaction. Another process that consumes at the moment
    /// notices it with its next batch.
    ///
    /// # Errors
    /// [`Refusal::Consumer`] when there is no [`Subscription::on_rebuild`] or it fails, else the store's.
    pub async fn rebuild(&self, name: &str) -> Result<(), WorkError> {
        let subscription = self.known(name)?;
        let refused = |reason: String| Refusal::Consumer { name: name.to_owned(), reason };
        let clear = subscription.clear.clone();
        let clear = clear.ok_or_else(|| {
            refused("it cannot be rebuilt: add `Subscription::on_rebuild`, which deletes its effects".to_owned())
        })?;
        let rebuilt = self.store.write(|tx| {
            let (clear, name) = (clear.clone(), name.to_owned());
            Box::pin(async move {
                reset(tx, &name).await?;
                clear(tx).await.map_err(Fault::Consumer)
            })
        });
        match rebuilt.await {
            Ok(()) => Ok(()),
            Err(Fault::Work(error)) => Err(error),
            Err(Fault::Consumer(error)) => Err(refused(error.text).into()),
        }
    }

    fn find(&self, name: &str) -> Option<&Subscription> {
        self.subscriptions.iter().find(|subscription| &*subscription.name == name)
    }

    fn known(&self, name: &str) -> Result<&Subscription, Refusal> {
        let reason = || "it is not in this program".to_owned();
        self.find(name).ok_or_else(|| Refusal::Consumer { name: name.to_owned(), reason: reason() })
    }

    fn leader(&self, subscription: &Subscription) -> Leader {
        Leader::new(&self.store, lease_name(&subscription.name)).ttl(subscription.rules.ttl).holder(&*self.holder)
    }
}

/// The name of the lease of a subscription.
fn lease_name(subscription: &str) -> String {
    format!("subscription {subscription}")
}

/// Checks the epoch once, and looks for events that are held back.
async fn watch(log: EventLog, table: &LogTable) {
    let mut is_checked = false;
    loop {
        let round = async {
            if !is_checked && log.check_epoch().await? {
                tracing::warn!("the database was restored into another cluster: a new epoch of the event log begins");
            }
            is_checked = true;
            log.held_back().await
        };
        match round.await {
            Ok(held_back) => {
                if held_back.oldest >= STALLED {
                    let (events, culprit) = (held_back.events, &held_back.culprit);
                    tracing::warn!(events, culprit, "a transaction that stays open holds events back: end it");
                }
                table.set(held_back);
            }
            Err(error) => tracing::warn!(%error, "the state of the event log could not be read; trying again"),
        }
        tokio::time::sleep(LOOK.mul_f64(0.5 + vitals::random_fraction())).await;
    }
}
