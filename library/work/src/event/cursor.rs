//! Positions in the log.

use std::str::FromStr;

use serde::{Serialize, Serializer};
use store::{Row, StoreError};

/// Characters of a wrong text that an error shows.
const MAX_SHOWN: usize = 60;

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

impl FromStr for Cursor {
    type Err = InvalidCursor;

    /// Reads a position as it is written: `EPOCH.TXID.SEQ`.
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let invalid = || InvalidCursor { text: text.chars().take(MAX_SHOWN).collect() };
        let numbers: Result<Vec<i64>, _> = text.split('.').map(str::parse).collect();
        match numbers.ok().as_deref() {
            Some(&[epoch, txid, seq]) if epoch >= 0 && txid >= 0 && seq >= 0 => Ok(Self { epoch, txid, seq }),
            _ => Err(invalid()),
        }
    }
}

/// A text that is no position in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no position in the event log: expected three numbers, such as 1.812.17, from the `cursor` of an event"
)]
pub struct InvalidCursor {
    text: String,
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_written_and_another_text_is_refused() {
        for cursor in [Cursor::START, Cursor { epoch: 1, txid: 812, seq: 17 }, Cursor::END] {
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }
        for text in ["", "1", "1.2", "1.2.3.4", "1.-2.3", "a.b.c", "1.2.99999999999999999999"] {
            let error = text.parse::<Cursor>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("{text:?} is no position")), "{error}");
        }
    }
}
