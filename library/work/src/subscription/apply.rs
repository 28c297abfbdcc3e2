//! One batch: its effect and the move of the cursor, under the fence of the lease.

use std::sync::Arc;

use ::store::{Store, StoreError};

use super::rules::{Consumer, Deliver, Fold};
use super::store::{SubscriptionRow, SubscriptionState};
use crate::boundary::boundary;
use crate::error::WorkError;
use crate::event::{Cursor, StoredEvent};
use crate::job::outcome::JobError;
use crate::lease::Lease;
use crate::quarantine;

/// The reason why a batch was not consumed.
#[derive(Debug)]
pub(super) enum Fault {
    /// The consumer failed.
    Consumer(JobError),
    /// The database, the fence or the cursor.
    Work(WorkError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Work(error.into())
    }
}

impl From<WorkError> for Fault {
    fn from(error: WorkError) -> Self {
        Self::Work(error)
    }
}

/// A subscription as its holder has read it.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) store: Store,
    pub(super) lease: Lease,
    pub(super) row: SubscriptionRow,
}

impl Holder {
    /// Consumes events that follow the cursor.
    pub(super) async fn apply(&self, consumer: &Consumer, events: Arc<[StoredEvent]>) -> Result<(), Fault> {
        match consumer {
            Consumer::Fold(fold) => self.fold(fold, events).await,
            Consumer::Deliver(deliver) => self.deliver(deliver, events).await,
        }
    }

    async fn fold(&self, fold: &Fold, events: Arc<[StoredEvent]>) -> Result<(), Fault> {
        let folded = self.store.write(|tx| {
            let (fold, events, holder) = (fold.clone(), events.clone(), self.clone());
            Box::pin(async move {
                // Both come first: a stale holder does no work, and locks are always taken in this order.
                holder.lease.guard(tx).await?;
                holder.row.advance(tx, last(&events), events.len()).await?;
                fold(tx, events).await.map_err(Fault::Consumer)?;
                boundary("fold: before the commit");
                Ok::<_, Fault>(())
            })
        });
        folded.await?;
        boundary("fold: after the commit");
        Ok(())
    }

    async fn deliver(&self, deliver: &Deliver, events: Arc<[StoredEvent]>) -> Result<(), Fault> {
        deliver(events.clone()).await.map_err(Fault::Consumer)?;
        boundary("delivery: after its end");
        let moved = self.store.write(|tx| {
            let (events, holder) = (events.clone(), self.clone());
            Box::pin(async move {
                holder.lease.guard(tx).await?;
                holder.row.advance(tx, last(&events), events.len()).await?;
                Ok::<_, Fault>(())
            })
        });
        moved.await?;
        boundary("delivery: after the commit");
        Ok(())
    }

    /// Puts an event into the quarantine, and moves the cursor over it.
    pub(super) async fn quarantine(&self, event: &StoredEvent, reason: &str) -> Result<(), WorkError> {
        self.store
            .write(|tx| {
                let (holder, event, reason) = (self.clone(), event.clone(), reason.to_owned());
                Box::pin(async move {
                    holder.lease.guard(tx).await?;
                    holder.row.advance(tx, event.cursor, 1).await?;
                    let source = format!("subscription {}", holder.row.name);
                    quarantine::add(tx, &source, &event.message_id, &reason, &event.payload).await
                })
            })
            .await
    }

    /// Halts the subscription, or marks it as done.
    pub(super) async fn end(&self, state: SubscriptionState, reason: &str) -> Result<(), WorkError> {
        self.store
            .write(|tx| {
                let (holder, reason) = (self.clone(), reason.to_owned());
                Box::pin(async move {
                    holder.lease.guard(tx).await?;
                    holder.row.end(tx, state, &reason).await
                })
            })
            .await
    }
}

/// The position of the last event of a batch.
fn last(events: &[StoredEvent]) -> Cursor {
    events.last().map_or(Cursor::START, |event| event.cursor)
}
