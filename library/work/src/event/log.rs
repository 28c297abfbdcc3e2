//! Reads the log.
//!
//! Each function is cancel-safe: it reads, or its transaction is whole or undone.

use std::time::Duration;

use store::{Isolation, Store, args};

use super::MAX_BATCH;
use super::cursor::Cursor;
use super::stored::StoredEvent;
use crate::error::WorkError;
use crate::statement::{Statement, statement};

const READ: Statement = statement!("event_read");
const STREAM: Statement = statement!("event_stream");
const HEAD: Statement = statement!("event_head");
const HELD_BACK: Statement = statement!("event_held_back");
const LAG: Statement = statement!("event_lag");
const EPOCH: Statement = statement!("event_epoch");
/// The highest count of events that are late; more are not counted.
pub const MAX_COUNTED: u32 = 10_000;

/// Events that are committed and cannot be read yet, because an earlier transaction still runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldBack {
    /// Their number, at most [`MAX_COUNTED`].
    pub events: u64,
    /// The age of the oldest.
    pub oldest: Duration,
    /// The session with the oldest transaction that writes, as far as the role may see it; empty for none.
    pub culprit: String,
}

/// Events behind a position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lag {
    /// Their number, at most [`MAX_COUNTED`].
    pub events: u64,
    /// The age of the first.
    pub oldest: Duration,
}

/// The log of a store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EventLog {
    store: Store,
}

impl EventLog {
    /// The log of a store, whose tables [`add_schema`](crate::add_schema) adds.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Reads events behind a position in their order, at most `limit` and [`MAX_BATCH`]. No later read gives an event before the last of them.
    ///
    /// # Errors
    /// The store's.
    pub async fn read(&self, after: Cursor, limit: usize) -> Result<Vec<StoredEvent>, WorkError> {
        self.read_until(after, Cursor::END, limit).await
    }

    /// As [`EventLog::read`], up to a position.
    ///
    /// # Errors
    /// The store's.
    pub async fn read_until(&self, after: Cursor, until: Cursor, limit: usize) -> Result<Vec<StoredEvent>, WorkError> {
        let engine = self.store.engine();
        let rows = self
            .store
            .read(|tx| {
                let to = until;
                let values = args![after.epoch, after.txid, after.seq, to.epoch, to.txid, to.seq, limit.min(MAX_BATCH)];
                Box::pin(async move { Ok::<_, WorkError>(tx.fetch_all(READ.on(engine), values).await?) })
            })
            .await?;
        Ok(rows.iter().map(StoredEvent::from_row).collect::<Result<_, _>>()?)
    }

    /// Reads the events of a stream behind a version, at most `limit` and [`MAX_BATCH`].
    ///
    /// # Errors
    /// The store's.
    pub async fn read_stream(&self, stream: &str, after: i64, limit: usize) -> Result<Vec<StoredEvent>, WorkError> {
        let engine = self.store.engine();
        let rows = self
            .store
            .read(|tx| {
                let values = args![stream, after, limit.min(MAX_BATCH)];
                Box::pin(async move { Ok::<_, WorkError>(tx.fetch_all(STREAM.on(engine), values).await?) })
            })
            .await?;
        Ok(rows.iter().map(StoredEvent::from_row).collect::<Result<_, _>>()?)
    }

    /// Returns the position of the last event that can be read; [`Cursor::START`] before the first.
    ///
    /// # Errors
    /// The store's.
    pub async fn head(&self) -> Result<Cursor, WorkError> {
        let engine = self.store.engine();
        let row = self
            .store
            .read(|tx| Box::pin(async move { Ok::<_, WorkError>(tx.fetch_optional(HEAD.on(engine), args![]).await?) }))
            .await?;
        Ok(row.map_or(Ok(Cursor::START), |row| Cursor::read(&row))?)
    }

    /// Counts the events behind a position and up to another one.
    ///
    /// # Errors
    /// The store's.
    pub async fn lag(&self, after: Cursor, until: Cursor) -> Result<Lag, WorkError> {
        let engine = self.store.engine();
        let row = self
            .store
            .read(|tx| {
                let to = until;
                let values = args![after.epoch, after.txid, after.seq, to.epoch, to.txid, to.seq, MAX_COUNTED];
                Box::pin(async move { Ok::<_, WorkError>(tx.fetch_one(LAG.on(engine), values).await?) })
            })
            .await?;
        Ok(Lag { events: row.get("behind")?, oldest: span(row.get("oldest_us")?) })
    }

    /// Counts the events that a transaction which still runs holds back, and names that transaction.
    ///
    /// # Errors
    /// The store's.
    pub async fn held_back(&self) -> Result<HeldBack, WorkError> {
        let engine = self.store.engine();
        let row = self
            .store
            .read(|tx| {
                let values = args![MAX_COUNTED];
                Box::pin(async move { Ok::<_, WorkError>(tx.fetch_one(HELD_BACK.on(engine), values).await?) })
            })
            .await?;
        let events: u64 = row.get("held_back")?;
        let culprit = if events == 0 { String::new() } else { row.get("culprit")? };
        Ok(HeldBack { events, oldest: span(row.get("oldest_us")?), culprit })
    }

    /// Begins a new epoch when the database was restored into a cluster whose transaction ids are lower than those of the log; returns whether
    /// it was. Subscriptions call it when they start. Call it yourself after a restore, before the service appends.
    ///
    /// # Errors
    /// The store's.
    pub async fn check_epoch(&self) -> Result<bool, WorkError> {
        let engine = self.store.engine();
        self.store
            .write_at(Isolation::ReadCommitted, |tx| {
                Box::pin(async move { Ok(tx.execute(EPOCH.on(engine), args![]).await? == 1) })
            })
            .await
    }
}

fn span(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}
