//! Positions in the log.

use serde::{Serialize, Serializer};
use store::{Row, StoreError};

/// A position in the log: the events up to it have been read.
///
/// It is a number on SQLite. On PostgreSQL it is the epoch of the cluster, the id of the transaction, and the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// The epoch: it rises when a restore gives the database another cluster, which counts transactions anew.
    pub epoch: i64,
    /// The id of the transaction; 0 on SQLite.
    pub txid: i64,
    /// The number of the event.
    pub seq: i64,
}

impl Cursor {
    /// The position before the first event.
    pub const START: Self = Self { epoch: 0, txid: 0, seq: 0 };
    /// The position behind every event to come.
    pub const END: Self = Self { epoch: i64::MAX, txid: i64::MAX, seq: i64::MAX };

    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { epoch: row.get("epoch")?, txid: row.get("txid")?, seq: row.get("seq")? })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.epoch, self.txid, self.seq)
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
