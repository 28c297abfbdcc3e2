//! The operations on leases, each in a transaction of its own.
//!
//! Each function is cancel-safe: a dropped future leaves its transaction whole or undone.

use std::time::{Duration, SystemTime};

use ::store::{Isolation, Row, Store, StoreError, args};
use serde::{Serialize, Serializer};

use crate::error::{Refusal, WorkError};
use crate::job::enqueue::{micros, moment};
use crate::statement::{Statement, statement};
use crate::written::rfc3339;

const ADD: Statement = statement!("lease_add");
const TAKE: Statement = statement!("lease_take");
const RENEW: Statement = statement!("lease_renew");
const RELEASE: Statement = statement!("lease_release");
const LIST: Statement = statement!("lease_list");
/// Maximum length of a name in bytes.
pub const MAX_NAME: usize = 255;
/// Maximum number of leases in one list.
pub const MAX_LISTED: usize = 500;

/// A lease in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeaseRow {
    /// The name.
    pub name: String,
    /// The process that holds it or held it last.
    pub holder: String,
    /// The fence of that process.
    pub fence: i64,
    /// The moment at which it was taken.
    #[serde(serialize_with = "rfc3339")]
    pub taken_at: SystemTime,
    /// Time until others may take it; zero when it is free. Written in seconds.
    #[serde(rename = "left_seconds", serialize_with = "seconds")]
    pub left: Duration,
}

/// Writes a duration in seconds.
fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

impl LeaseRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            name: row.get("name")?,
            holder: row.get("holder")?,
            fence: row.get("fence")?,
            taken_at: moment(row.get("taken_at")?),
            left: Duration::from_micros(u64::try_from(row.get::<i64>("left_us")?).unwrap_or_default()),
        })
    }
}

/// The operations on leases. [`Leader`](super::Leader) uses them; use them yourself for a loop of your own. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LeaseStore {
    store: Store,
}

impl LeaseStore {
    /// The leases of a store, whose tables [`add_schema`](crate::add_schema) adds.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Takes a lease that is free or over; returns its fence, or none while another process holds it. The holder is a name for people.
    ///
    /// # Errors
    /// [`Refusal::Range`] for a name that is empty or too long, else the store's. After [`WorkError::Unknown`] the lease is free after its time.
    pub async fn take(&self, name: &str, holder: &str, ttl: Duration) -> Result<Option<i64>, WorkError> {
        check_name(name)?;
        let engine = self.store.engine();
        let row = self
            .store
            .write_at(Isolation::ReadCommitted, |tx| {
                let (values, name) = (args![name, holder, micros(ttl)], name.to_owned());
                Box::pin(async move {
                    let taken = tx.fetch_optional(TAKE.on(engine), values.clone()).await?;
                    // The first one to ask for this lease adds its row.
                    if taken.is_some() || tx.execute(ADD.on(engine), args![name]).await? == 0 {
                        return Ok(taken);
                    }
                    Ok::<_, WorkError>(tx.fetch_optional(TAKE.on(engine), values).await?)
                })
            })
            .await?;
        Ok(row.map(|row| row.get("fence")).transpose()?)
    }

    /// Extends a lease; returns false when it was given back, or another process has taken it since.
    ///
    /// # Errors
    /// The store's.
    pub async fn renew(&self, name: &str, fence: i64, ttl: Duration) -> Result<bool, WorkError> {
        let engine = self.store.engine();
        self.store
            .write_at(Isolation::ReadCommitted, |tx| {
                let values = args![name, fence, micros(ttl)];
                Box::pin(async move { Ok(tx.execute(RENEW.on(engine), values).await? == 1) })
            })
            .await
    }

    /// Gives a lease back, so that another process can take it at once; returns false when this fence does not hold it.
    ///
    /// # Errors
    /// The store's.
    pub async fn release(&self, name: &str, fence: i64) -> Result<bool, WorkError> {
        let engine = self.store.engine();
        self.store
            .write_at(Isolation::ReadCommitted, |tx| {
                let values = args![name, fence];
                Box::pin(async move { Ok(tx.execute(RELEASE.on(engine), values).await? == 1) })
            })
            .await
    }

    /// Lists leases whose name is behind `after`, at most [`MAX_LISTED`].
    ///
    /// # Errors
    /// The store's.
    pub async fn list(&self, after: &str, limit: usize) -> Result<Vec<LeaseRow>, WorkError> {
        let engine = self.store.engine();
        let rows = self
            .store
            .read(|tx| {
                let values = args![after, limit.min(MAX_LISTED)];
                Box::pin(async move { Ok::<_, WorkError>(tx.fetch_all(LIST.on(engine), values).await?) })
            })
            .await?;
        Ok(rows.iter().map(LeaseRow::read).collect::<Result<_, _>>()?)
    }
}

/// Refuses a name that no lease can have.
fn check_name(name: &str) -> Result<(), Refusal> {
    match name.len() {
        1..=MAX_NAME => Ok(()),
        length => {
            let value = i64::try_from(length).unwrap_or(i64::MAX);
            Err(Refusal::Range { part: "length of the name of a lease", value, range: "1 to 255 bytes" })
        }
    }
}
