//! Headers of a request as the user gives them: a table in files, with a list where a name is there several times.

use std::collections::BTreeMap;
use std::fmt;

use ::http::{HeaderName, HeaderValue};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The fields that belong to a connection, which HTTP/2 does not have (RFC 9113, section 8.2.2).
const OF_HTTP1: [&str; 4] = ["connection", "keep-alive", "proxy-connection", "upgrade"];

/// One value of a header, or several.
struct Values(Vec<String>);

/// Reads `{ accept = "text/html", cookie = ["a=1", "b=2"] }`.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    let table = BTreeMap::<String, Values>::deserialize(deserializer)?;
    let mut headers = Vec::new();
    for (name, values) in table {
        headers.extend(values.0.into_iter().map(|value| (name.clone(), value)));
    }
    Ok(headers)
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValuesVisitor)
    }
}

struct ValuesVisitor;

impl<'de> Visitor<'de> for ValuesVisitor {
    type Value = Values;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("the value of a header, or a list of its values")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Values, E> {
        Ok(Values(vec![value.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, values: A) -> Result<Values, A::Error> {
        Deserialize::deserialize(SeqAccessDeserializer::new(values)).map(Values)
    }
}

/// Refuses a header that cannot be sent as it is given, with the reason.
///
/// # Errors
/// When it is no header, when keel must write it itself, or when the protocol has no such header.
pub(super) fn check(name: &str, value: &str, http2: bool) -> Result<(), String> {
    let refused = || format!("{name:?}: {value:?} is no header");
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
    HeaderValue::from_bytes(value.as_bytes()).map_err(|_| refused())?;
    match parsed.as_str() {
        "content-length" | "transfer-encoding" => Err(format!(
            "{name} is written by keel, from the body: leave it out (`keel attack` sends requests that are framed wrongly)"
        )),
        field if http2 && (OF_HTTP1.contains(&field) || (field == "te" && value != "trailers")) => {
            Err(format!("HTTP/2 has no {name}: {value}: leave it out, or send the load over HTTP/1.1"))
        }
        _ => Ok(()),
    }
}

/// Returns true if a value of `Connection` closes it.
pub(super) fn closes(value: &[u8]) -> bool {
    has_option(value, b"close")
}

/// Returns true if a value of `Connection` keeps it open.
pub(super) fn keeps(value: &[u8]) -> bool {
    has_option(value, b"keep-alive")
}

fn has_option(value: &[u8], option: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(option))
}
