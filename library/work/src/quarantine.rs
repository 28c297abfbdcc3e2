//! Quarantine: records that a consumer or an import could not take, with their reasons.
//!
//! A bad record does not stop the good ones and is not lost: it is kept with its source, its key and the reason, counted, and alarmed by the
//! count. Each function of [`Quarantine`] is cancel-safe.

use std::time::SystemTime;

use store::{Isolation, Row, Store, StoreError, Transaction, args};

use crate::error::{Refusal, WorkError};
use crate::job::enqueue::moment;
use crate::statement::{Statement, statement};

const ADD: Statement = statement!("quarantine_add");
const LIST: Statement = statement!("quarantine_list");
const COUNTS: Statement = statement!("quarantine_counts");
const DROP: Statement = statement!("quarantine_drop");
/// Maximum number of records in one list or operation.
pub const MAX_LISTED: usize = 500;
/// Maximum size of a record in bytes.
pub const MAX_RECORD: usize = 256 << 10;
/// Maximum length of a source or a key in bytes.
pub const MAX_KEY: usize = 255;
/// Maximum length of a reason in bytes.
const MAX_REASON: usize = 1_000;

/// A record in the quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadRecord {
    /// The id.
    pub id: i64,
    /// The import, the subscription or the table that it comes from.
    pub source: String,
    /// The key of the record within the source, such as a line number or a message id.
    pub key: String,
    /// The reason.
    pub reason: String,
    /// The record as it came.
    pub record: String,
    /// The moment.
    pub seized_at: SystemTime,
}

/// The number of records of a source for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadCount {
    /// The source.
    pub source: String,
    /// The reason.
    pub reason: String,
    /// The number.
    pub records: u64,
}

/// Adds a record in the transaction that leaves it out. Reasons are counted: leave values out of them. A reason is cut to 1,000 bytes.
///
/// Not cancel-safe, as statements of a transaction are not: when the future is dropped, return an error from the transaction.
///
/// # Errors
/// [`Refusal::TooLong`] for a record over [`MAX_RECORD`] or a source or key over [`MAX_KEY`] bytes, else the store's.
pub async fn add(tx: &mut Transaction, source: &str, key: &str, reason: &str, record: &str) -> Result<(), WorkError> {
    let bounds = [("record", record, MAX_RECORD), ("source", source, MAX_KEY), ("key", key, MAX_KEY)];
    for (part, text, bound) in bounds {
        if text.len() > bound {
            let (kind, bytes) = ("quarantined".to_owned(), text.len());
            return Err(Refusal::TooLong { part, kind, bytes, bound }.into());
        }
    }
    // PostgreSQL stores no zero bytes.
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    let reason = clean(&reason[..reason.floor_char_boundary(MAX_REASON)]);
    tx.execute(ADD.on(tx.engine()), args![clean(source), clean(key), reason, clean(record)]).await?;
    Ok(())
}

/// The quarantine of a store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Quarantine {
    store: Store,
}

impl Quarantine {
    /// The quarantine of a store, whose tables [`add_schema`](crate::add_schema) adds.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Lists records of a source with an id above `after`, at most [`MAX_LISTED`].
    ///
    /// # Errors
    /// The store's.
    pub async fn list(&self, source: &str, after: i64, limit: usize) -> Result<Vec<BadRecord>, WorkError> {
        let engine = self.store.engine();
        let rows = self
            .store
            .read(|tx| {
                let values = args![source, after, limit.min(MAX_LISTED)];
                Box::pin(async move { Ok::<_, WorkError>(tx.fetch_all(LIST.on(engine), values).await?) })
            })
            .await?;
        let read = |row: &Row| {
            Ok::<_, StoreError>(BadRecord {
                id: row.get("id")?,
                source: row.get("source")?,
                key: row.get("record_key")?,
                reason: row.get("reason")?,
                record: row.get("record")?,
                seized_at: moment(row.get("seized_at")?),
            })
        };
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Counts the records by source and reason, at most [`MAX_LISTED`] of them.
    ///
    /// # Errors
    /// The store's.
    pub async fn counts(&self) -> Result<Vec<BadCount>, WorkError> {
        let engine = self.store.engine();
        let rows = self
            .store
            .read(|tx| {
                let values = args![MAX_LISTED];
                Box::pin(async move { Ok::<_, WorkError>(tx.fetch_all(COUNTS.on(engine), values).await?) })
            })
            .await?;
        let read = |row: &Row| {
            let (source, reason) = (row.get("source")?, row.get("reason")?);
            Ok::<_, StoreError>(BadCount { source, reason, records: row.get("records")? })
        };
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Deletes records, at most [`MAX_LISTED`] in one call: after they were mended and taken, or given up. Returns their number.
    ///
    /// # Errors
    /// The store's.
    pub async fn drop_records(&self, ids: &[i64]) -> Result<u64, WorkError> {
        let engine = self.store.engine();
        let ids = &ids[..ids.len().min(MAX_LISTED)];
        self.store
            .write_at(Isolation::ReadCommitted, |tx| {
                let values = args![ids.to_vec()];
                Box::pin(async move { Ok(tx.execute(DROP.on(engine), values).await?) })
            })
            .await
    }
}
