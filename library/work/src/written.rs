//! Moments and payloads in the JSON that operators read.

use std::time::SystemTime;

use jiff::Timestamp;
use serde::Serializer;

/// Writes a moment; one outside of the years -9999 to 9999 as none.
pub(crate) fn rfc3339<S: Serializer>(moment: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    match Timestamp::try_from(*moment) {
        Ok(timestamp) => serializer.collect_str(&timestamp),
        Err(_) => serializer.serialize_none(),
    }
}

/// Writes a moment, or none.
pub(crate) fn rfc3339_or_none<S: Serializer>(moment: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match moment {
        Some(moment) => rfc3339(moment, serializer),
        None => serializer.serialize_none(),
    }
}

/// Writes a JSON text as the value that it is, and any other text as a text.
pub(crate) fn json<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => serde::Serialize::serialize(&value, serializer),
        Err(_) => serializer.serialize_str(text),
    }
}
