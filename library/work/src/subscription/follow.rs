//! The rounds of the process that holds a subscription.

use std::sync::Arc;
use std::time::Duration;

use ::store::Store;
use tokio::time::Instant;

use super::Subscription;
use super::apply::{Fault, Holder};
use super::rules::{Poison, Start, Until};
use super::stats::Stats;
use super::store::{SubscriptionRow, SubscriptionState, SubscriptionStore};
use crate::error::{Refusal, WorkError};
use crate::event::{Cursor, EventLog, StoredEvent, bell};
use crate::job::outcome::{Consequence, JobError};
use crate::lease::Lease;

/// Time between two measurements of the lag.
const MEASURE: Duration = Duration::from_secs(2);

/// The end of one round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// Events were consumed.
    Consumed(usize),
    /// There is no event behind the cursor.
    Idle,
    /// The subscription is not active.
    Resting(SubscriptionState),
    /// The consumer failed: the next attempt is after this time.
    Failed(Duration, String),
}

/// A subscription that this process holds.
pub(super) struct Follower<'s> {
    subscription: &'s Subscription,
    store: Store,
    lease: Lease,
    stats: &'s Stats,
    log: EventLog,
    rows: SubscriptionStore,
    /// Attempts of the first event behind the cursor that failed.
    failed: u32,
    /// True while events are consumed one by one, to find the one that fails.
    one_by_one: bool,
    measured: Option<Instant>,
}

impl<'s> Follower<'s> {
    pub(super) fn new(subscription: &'s Subscription, store: &Store, lease: Lease, stats: &'s Stats) -> Self {
        Self {
            subscription,
            store: store.clone(),
            lease,
            stats,
            log: EventLog::new(store),
            rows: SubscriptionStore::new(store),
            failed: 0,
            one_by_one: false,
            measured: None,
        }
    }

    /// Consumes events until the lease is lost.
    pub(super) async fn run(mut self) {
        let (mut empty, mut errors) = (0_u32, 0_u32);
        let rules = &self.subscription.rules;
        loop {
            let begun = Instant::now();
            let round = self.round().await;
            let longest = rules.poll.saturating_mul(5);
            match round {
                Ok(Round::Consumed(events)) => {
                    (empty, errors) = (0, 0);
                    if let Some(rate) = rules.throttle {
                        let wait = Duration::from_secs_f64(events as f64 / f64::from(rate));
                        tokio::time::sleep(wait.saturating_sub(begun.elapsed())).await;
                    }
                }
                Ok(Round::Idle) => {
                    let wait = rules.poll.saturating_mul(1 << empty.min(3)).min(longest);
                    (empty, errors) = (empty.saturating_add(1), 0);
                    tokio::select! {
                        () = bell::rung() => {}
                        // Half of it early or late, so that subscriptions do not look together.
                        () = tokio::time::sleep(wait.mul_f64(0.5 + vitals::random_fraction())) => {}
                    }
                }
                Ok(Round::Resting(_)) => tokio::time::sleep(longest).await,
                Ok(Round::Failed(wait, reason)) => {
                    tracing::warn!(subscription = %self.subscription.name, reason, "events could not be consumed; trying again");
                    tokio::time::sleep(wait).await;
                }
                Err(WorkError::Refused(Refusal::Stale { .. })) => {
                    Stats::add(&self.stats.refused, 1);
                    return;
                }
                Err(WorkError::Refused(Refusal::Moved { .. })) => Stats::add(&self.stats.refused, 1),
                Err(error) => {
                    tracing::warn!(subscription = %self.subscription.name, %error, "a round failed; trying again");
                    Stats::add(&self.stats.errors, 1);
                    tokio::time::sleep(rules.backoff.wait(errors).max(rules.poll)).await;
                    errors = errors.saturating_add(1);
                }
            }
        }
    }

    /// Consumes one batch.
    pub(super) async fn round(&mut self) -> Result<Round, WorkError> {
        let row = self.row().await?;
        self.stats.set_state(Some(row.state));
        self.measure(&row).await?;
        if row.state != SubscriptionState::Active {
            return Ok(Round::Resting(row.state));
        }
        let limit = if self.one_by_one { 1 } else { self.subscription.rules.batch };
        let events: Arc<[StoredEvent]> = self.log.read_until(row.cursor, row.until, limit).await?.into();
        let is_bounded = row.until != Cursor::END;
        let holder = Holder { store: self.store.clone(), lease: self.lease.clone(), row };
        let Some(first) = events.first() else {
            if is_bounded {
                holder.end(SubscriptionState::Done, "").await?;
                self.stats.set_state(Some(SubscriptionState::Done));
                return Ok(Round::Resting(SubscriptionState::Done));
            }
            return Ok(Round::Idle);
        };
        match holder.apply(&self.subscription.consumer, events.clone()).await {
            Ok(()) => {
                (self.failed, self.one_by_one) = (0, false);
                Stats::add(&self.stats.events, events.len());
                Stats::add(&self.stats.batches, 1);
                Ok(Round::Consumed(events.len()))
            }
            Err(Fault::Work(error)) => Err(error),
            Err(Fault::Consumer(error)) => self.after_failure(&holder, first, events.len(), error).await,
        }
    }

    /// Decides on a batch whose consumer failed: it is split, tried again, or its event ends the subscription or goes to the quarantine.
    async fn after_failure(
        &mut self,
        holder: &Holder,
        first: &StoredEvent,
        events: usize,
        error: JobError,
    ) -> Result<Round, WorkError> {
        Stats::add(&self.stats.failures, 1);
        let rules = &self.subscription.rules;
        if let Consequence::Snooze(wait) = error.consequence {
            return Ok(Round::Failed(wait, "the consumer asked for a pause".to_owned()));
        }
        if events > 1 {
            self.one_by_one = true;
            return Ok(Round::Failed(Duration::ZERO, error.text));
        }
        self.failed += 1;
        let is_permanent = matches!(error.consequence, Consequence::Dead(_));
        if !is_permanent && self.failed < rules.attempts {
            let given = if let Consequence::Retry(given) = error.consequence { given } else { None };
            return Ok(Round::Failed(given.unwrap_or_else(|| rules.backoff.wait(self.failed - 1)), error.text));
        }
        (self.failed, self.one_by_one) = (0, false);
        match rules.poison {
            Poison::Halt => {
                let place = format!("{}, version {} of the stream {}", first.kind, first.version, first.stream);
                let reason = format!("the event {place}: {}", error.text);
                holder.end(SubscriptionState::Halted, &reason).await?;
                tracing::error!(subscription = %self.subscription.name, reason, "the subscription halts: mend the cause and resume it");
                self.stats.set_state(Some(SubscriptionState::Halted));
                Ok(Round::Resting(SubscriptionState::Halted))
            }
            Poison::Quarantine => {
                holder.quarantine(first, &error.text).await?;
                tracing::error!(subscription = %self.subscription.name, reason = error.text, "an event goes to the quarantine");
                Stats::add(&self.stats.quarantined, 1);
                Ok(Round::Consumed(1))
            }
        }
    }

    /// Reads the subscription, and adds it at its first run.
    async fn row(&self) -> Result<SubscriptionRow, WorkError> {
        let name = &*self.subscription.name;
        if let Some(row) = self.rows.get(name).await? {
            return Ok(row);
        }
        let head = self.log.head().await?;
        let rules = &self.subscription.rules;
        let cursor = match rules.start {
            Start::Begin => Cursor::START,
            Start::Now => head,
            Start::After(cursor) => cursor,
        };
        let until = match rules.until {
            Until::Forever => Cursor::END,
            Until::Now => head,
            Until::At(cursor) => cursor,
        };
        self.rows.add(name, cursor, until).await?;
        let added = self.rows.get(name).await?;
        added.ok_or_else(|| Refusal::Moved { name: name.to_owned() }.into())
    }

    async fn measure(&mut self, row: &SubscriptionRow) -> Result<(), WorkError> {
        if self.measured.is_none_or(|last| last.elapsed() >= MEASURE) {
            self.stats.set_lag(self.log.lag(row.cursor, row.until).await?);
            self.measured = Some(Instant::now());
        }
        Ok(())
    }
}
