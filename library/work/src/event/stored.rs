//! Events as they are read.

use std::time::SystemTime;

use serde_json::Value;
use store::{Row, StoreError};

use super::Event;
use super::cursor::Cursor;
use crate::error::Refusal;
use crate::job::enqueue::moment;

/// An event of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredEvent {
    /// The position in the log.
    pub cursor: Cursor,
    /// The id of the message: give it to receivers as idempotency key.
    pub message_id: String,
    /// The stream.
    pub stream: String,
    /// The version of the stream with this event, from 1.
    pub version: i64,
    /// The kind.
    pub kind: String,
    /// The version of the payload.
    pub schema_version: u16,
    /// The moment of the append, by the clock of the database.
    pub happened_at: SystemTime,
    /// The payload, as JSON of its version.
    pub payload: String,
    /// The `traceparent` of the work that caused it.
    pub trace: Option<String>,
}

impl StoredEvent {
    pub(super) fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            cursor: Cursor::read(row)?,
            message_id: row.get("message_id")?,
            stream: row.get("stream")?,
            version: row.get("version")?,
            kind: row.get("kind")?,
            schema_version: row.get("schema_version")?,
            happened_at: moment(row.get("happened_at")?),
            payload: row.get("payload")?,
            trace: row.get("trace")?,
        })
    }

    /// Returns true if it is of this type.
    pub fn is<E: Event>(&self) -> bool {
        self.kind == E::KIND
    }

    /// Reads the payload, after bringing it to the present version step by step.
    ///
    /// # Errors
    /// [`Refusal::Event`] when it is of another kind, of a later version, has no step to the next version, or is not the JSON of the type.
    pub fn read<E: Event>(&self) -> Result<E, Refusal> {
        let refused = |reason: String| Refusal::Event {
            kind: self.kind.clone(),
            stream: self.stream.clone(),
            version: self.version,
            reason,
        };
        if !self.is::<E>() {
            return Err(refused(format!("it was to be read as {}", E::KIND)));
        }
        if self.schema_version > E::VERSION {
            let (written, known) = (self.schema_version, E::VERSION);
            return Err(refused(format!("version {written} of its payload is later than {known}, the last known one")));
        }
        if self.schema_version == E::VERSION {
            return serde_json::from_str(&self.payload).map_err(|error| refused(error.to_string()));
        }
        let mut payload: Value = serde_json::from_str(&self.payload).map_err(|error| refused(error.to_string()))?;
        for version in self.schema_version..E::VERSION {
            payload = E::upcast(version, payload).map_err(refused)?;
        }
        serde_json::from_value(payload).map_err(|error| refused(error.to_string()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    /// Version 1 had cents, version 2 an amount, version 3 has an amount with its currency.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Moved {
        amount: i64,
        currency: String,
    }
    impl Event for Moved {
        const KIND: &'static str = "moved";
        const VERSION: u16 = 3;
        fn upcast(version: u16, payload: Value) -> Result<Value, String> {
            match version {
                1 => Ok(json!({ "amount": payload["cents"] })),
                2 => Ok(json!({ "amount": payload["amount"], "currency": "EUR" })),
                other => Err(format!("version {other} is not known")),
            }
        }
    }

    fn stored(schema_version: u16, payload: &str) -> StoredEvent {
        StoredEvent {
            cursor: Cursor::START,
            message_id: "evt_1".to_owned(),
            stream: "account 7".to_owned(),
            version: 4,
            kind: Moved::KIND.to_owned(),
            schema_version,
            happened_at: SystemTime::UNIX_EPOCH,
            payload: payload.to_owned(),
            trace: None,
        }
    }

    #[test]
    fn an_event_of_each_version_is_read_as_the_present_one() {
        let present = Moved { amount: 5, currency: "EUR".to_owned() };
        for (version, payload) in
            [(1, r#"{"cents":5}"#), (2, r#"{"amount":5}"#), (3, r#"{"amount":5,"currency":"EUR"}"#)]
        {
            assert_eq!(stored(version, payload).read::<Moved>().unwrap(), present, "version {version}");
        }
    }

    #[test]
    fn an_event_that_cannot_be_read_is_named_with_the_reason() {
        for (version, payload, reason) in [
            (4, "{}", "version 4 of its payload is later than 3"),
            (0, "{}", "version 0 is not known"),
            (3, r#"{"amount":"x"}"#, "expected i64"),
            (1, "no json", "expected"),
        ] {
            let error = stored(version, payload).read::<Moved>().unwrap_err().to_string();
            assert!(
                error.starts_with("the event moved, version 4 of the stream account 7") && error.contains(reason),
                "{error}"
            );
        }
        let other = StoredEvent { kind: "closed".to_owned(), ..stored(1, "{}") };
        assert!(other.read::<Moved>().unwrap_err().to_string().contains("read as moved"));
    }
}
