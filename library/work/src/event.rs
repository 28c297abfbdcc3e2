//! Events: an append-only log in the service's own database, written in the transaction of the change.
//!
//! Each event belongs to a stream, such as one account, and has the next version of it: 1, 2, 3, without a gap. All events together have one
//! order, in which [`EventLog::read`](EventLog::read) leaves none out: it stops before events that a transaction which still runs could
//! precede. On PostgreSQL the order is that of transaction ids and then of numbers, below the `xmin` of the snapshot, so that transactions
//! append side by side; a transaction that stays open holds readers back, and the table `event_log` names it.
//!
//! Across streams the order is that in which transactions wrote first, which is that of cause and effect between serializable transactions.

mod appending;
pub(crate) mod bell;
mod cursor;
mod log;
mod stored;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use appending::{Appended, append};
pub use cursor::{Cursor, InvalidCursor};
pub use log::{EventLog, HeldBack, Lag, MAX_COUNTED};
pub use stored::StoredEvent;

/// Maximum size of a payload in bytes of JSON.
pub const MAX_PAYLOAD: usize = 256 << 10;
/// Maximum length of the name of a stream or a kind in bytes.
pub const MAX_KEY: usize = 255;
/// Maximum number of events in one call of [`append`], and in one read.
pub const MAX_BATCH: usize = 500;

/// A type of event. Its payload is the JSON of the value.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name of the type in the database; never change it.
    const KIND: &'static str;
    /// The version of the payload, from 1. Raise it with each change that the present type could not read, and write the step in
    /// [`Event::upcast`].
    const VERSION: u16 = 1;

    /// Brings the payload of an old event from `version` to the next one, on each read. The event in the database stays as it is.
    ///
    /// # Errors
    /// The reason why it cannot be brought there.
    fn upcast(version: u16, payload: Value) -> Result<Value, String> {
        let _ = payload;
        Err(format!("there is no step from version {version} to {}: write it in `Event::upcast`", version + 1))
    }
}

/// An event before it is appended.
#[derive(Debug)]
#[must_use = "an event is not in the log until it is appended"]
pub struct NewEvent {
    kind: &'static str,
    version: u16,
    payload: Result<String, serde_json::Error>,
    message_id: Option<String>,
    trace: Option<String>,
}

impl<E: Event> From<&E> for NewEvent {
    fn from(event: &E) -> Self {
        let payload = serde_json::to_string(event);
        Self { kind: E::KIND, version: E::VERSION, payload, message_id: None, trace: None }
    }
}

impl NewEvent {
    /// Sets the W3C `traceparent` of the work that caused the event. Default is that of the request or job that appends it.
    pub fn trace(self, traceparent: impl ToString) -> Self {
        Self { trace: Some(traceparent.to_string()), ..self }
    }

    /// Sets the id of the message, by which receivers tell repetitions. Default is a random one.
    pub fn message_id(self, id: impl Into<String>) -> Self {
        Self { message_id: Some(id.into()), ..self }
    }
}

/// The version that a stream must have for an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Any: the events come behind those of other transactions.
    Any,
    /// None: the stream is new.
    NoStream,
    /// This one, from 1: no other transaction has appended since the caller has read it.
    Version(i64),
}
