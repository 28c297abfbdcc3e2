//! The cursors of subscriptions in the database, and their levers.
//!
//! Each function is cancel-safe: a dropped future leaves its transaction whole or undone.

use std::time::SystemTime;

use ::store::{Isolation, Row, Store, StoreError, Transaction, Value, args};
use serde::Serialize;

use crate::error::{Refusal, WorkError};
use crate::event::Cursor;
use crate::job::enqueue::moment;
use crate::statement::{Statement, statement};
use crate::written::rfc3339;

const ADD: Statement = statement!("subscription_add");
const GET: Statement = statement!("subscription_get");
const LIST: Statement = statement!("subscription_list");
const MOVE: Statement = statement!("subscription_move");
const END: Statement = statement!("subscription_end");
const PAUSE: Statement = statement!("subscription_pause");
const RESUME: Statement = statement!("subscription_resume");
const RESET: Statement = statement!("subscription_reset");
/// Maximum number of subscriptions in one list.
pub const MAX_LISTED: usize = 500;
/// Maximum length of a reason in bytes.
const MAX_REASON: usize = 8_000;

/// The state of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SubscriptionState {
    /// It consumes events.
    Active,
    /// It was paused.
    Paused,
    /// An event failed in every attempt.
    Halted,
    /// It has reached its end.
    Done,
}

impl SubscriptionState {
    fn of(number: i64) -> Self {
        match number {
            0 => Self::Active,
            1 => Self::Paused,
            2 => Self::Halted,
            _ => Self::Done,
        }
    }
}

/// A subscription in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SubscriptionRow {
    /// The name.
    pub name: String,
    /// The position up to which events are consumed.
    pub cursor: Cursor,
    /// The end; [`Cursor::END`] for none.
    pub until: Cursor,
    /// The state.
    pub state: SubscriptionState,
    /// The reason of a halt.
    pub reason: Option<String>,
    /// Number of events that were consumed, since the last rebuild.
    pub consumed: u64,
    /// The moment of the last change.
    #[serde(serialize_with = "rfc3339")]
    pub moved_at: SystemTime,
}

impl SubscriptionRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let until = Cursor { epoch: row.get("until_epoch")?, txid: row.get("until_txid")?, seq: row.get("until_seq")? };
        Ok(Self {
            name: row.get("name")?,
            cursor: Cursor::read(row)?,
            until,
            state: SubscriptionState::of(row.get("state")?),
            reason: row.get("reason")?,
            consumed: row.get("folded")?,
            moved_at: moment(row.get("moved_at")?),
        })
    }

    /// The name and the cursor, as statements name the row that the caller has read.
    fn place(&self) -> Vec<Value> {
        args![&self.name, self.cursor.epoch, self.cursor.txid, self.cursor.seq]
    }

    fn moved(&self) -> WorkError {
        Refusal::Moved { name: self.name.clone() }.into()
    }

    /// Moves the cursor in a transaction over this number of events.
    pub(super) async fn advance(&self, tx: &mut Transaction, to: Cursor, events: usize) -> Result<(), WorkError> {
        let mut values = self.place();
        values.extend(args![to.epoch, to.txid, to.seq, events]);
        match tx.execute(MOVE.on(tx.engine()), values).await? {
            0 => Err(self.moved()),
            _ => Ok(()),
        }
    }

    /// Halts the subscription in a transaction, or marks it as done.
    pub(super) async fn end(
        &self,
        tx: &mut Transaction,
        state: SubscriptionState,
        reason: &str,
    ) -> Result<(), WorkError> {
        let number = if state == SubscriptionState::Halted { 2 } else { 3 };
        let mut values = self.place();
        values.extend(args![number, reason[..reason.floor_char_boundary(MAX_REASON)].replace('\0', "\u{fffd}")]);
        match tx.execute(END.on(tx.engine()), values).await? {
            0 => Err(self.moved()),
            _ => Ok(()),
        }
    }
}

/// Moves a subscription to the first event.
pub(super) async fn reset(tx: &mut Transaction, name: &str) -> Result<bool, WorkError> {
    Ok(tx.execute(RESET.on(tx.engine()), args![name]).await? == 1)
}

/// The subscriptions of a store, and their levers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SubscriptionStore {
    store: Store,
}

impl SubscriptionStore {
    /// The subscriptions of a store, whose tables [`add_schema`](crate::add_schema) adds.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Lists subscriptions whose name is behind `after`, at most [`MAX_LISTED`].
    ///
    /// # Errors
    /// The store's.
    pub async fn list(&self, after: &str, limit: usize) -> Result<Vec<SubscriptionRow>, WorkError> {
        let engine = self.store.engine();
        let rows = self
            .store
            .read(|tx| {
                let values = args![after, limit.min(MAX_LISTED)];
                Box::pin(async move { Ok::<_, WorkError>(tx.fetch_all(LIST.on(engine), values).await?) })
            })
            .await?;
        Ok(rows.iter().map(SubscriptionRow::read).collect::<Result<_, _>>()?)
    }

    /// Reads a subscription; none before its first run.
    ///
    /// # Errors
    /// The store's.
    pub async fn get(&self, name: &str) -> Result<Option<SubscriptionRow>, WorkError> {
        let engine = self.store.engine();
        let row = self
            .store
            .read(|tx| {
                let values = args![name];
                Box::pin(async move { Ok::<_, WorkError>(tx.fetch_optional(GET.on(engine), values).await?) })
            })
            .await?;
        Ok(row.as_ref().map(SubscriptionRow::read).transpose()?)
    }

    /// Pauses an active subscription, on all nodes; returns false when there is none. The batch that is consumed at the moment is rolled back.
    ///
    /// # Errors
    /// The store's.
    pub async fn pause(&self, name: &str) -> Result<bool, WorkError> {
        self.change(PAUSE, args![name]).await
    }

    /// Lets a paused or halted subscription go on from its cursor; returns false when there is none.
    ///
    /// # Errors
    /// The store's.
    pub async fn resume(&self, name: &str) -> Result<bool, WorkError> {
        self.change(RESUME, args![name]).await
    }

    /// Adds a subscription, unless it is there.
    pub(super) async fn add(&self, name: &str, cursor: Cursor, until: Cursor) -> Result<bool, WorkError> {
        let values = args![name, cursor.epoch, cursor.txid, cursor.seq, until.epoch, until.txid, until.seq];
        self.change(ADD, values).await
    }

    async fn change(&self, statement: Statement, values: Vec<Value>) -> Result<bool, WorkError> {
        let engine = self.store.engine();
        self.store
            .write_at(Isolation::ReadCommitted, |tx| {
                let values = values.clone();
                Box::pin(async move { Ok(tx.execute(statement.on(engine), values).await? == 1) })
            })
            .await
    }
}
