//! The messages that the exports of all signals share.
//!
//! Source: opentelemetry-proto, `common/v1` and `resource/v1`, of which these are the fields in use.

use prost::Message;

/// The service that exports: its attributes by the conventions for resources, `service.name` first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    attributes: Vec<(String, String)>,
}

impl Resource {
    /// The resource of a service.
    pub fn of_service(name: &str, version: &str, instance: &str) -> Self {
        Self::default()
            .with("service.name", name)
            .with("service.version", version)
            .with("service.instance.id", instance)
            .with("telemetry.sdk.name", "evenkeel")
            .with("telemetry.sdk.language", "rust")
            .with("telemetry.sdk.version", env!("CARGO_PKG_VERSION"))
    }

    /// Adds an attribute, or replaces its value.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        match self.attributes.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.attributes.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// The message of an export.
    pub(crate) fn message(&self) -> ResourceMessage {
        let attributes = self.attributes.iter().map(|(key, value)| key_value(key, Value::Text(value.clone())));
        ResourceMessage { attributes: attributes.collect() }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ResourceMessage {
    #[prost(message, repeated, tag = "1")]
    pub(crate) attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Scope {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) version: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct KeyValue {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 2, 3, 4")]
    pub(crate) value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Flag(bool),
    #[prost(int64, tag = "3")]
    Number(i64),
    #[prost(double, tag = "4")]
    Level(f64),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PartialSuccess {
    #[prost(int64, tag = "1")]
    pub(crate) rejected: i64,
    #[prost(string, tag = "2")]
    pub(crate) error_message: String,
}

impl Scope {
    /// The library.
    pub(crate) fn own() -> Self {
        Self { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// The number of items that a collector refused, with its reason.
///
/// # Errors
/// When the body is no answer of a collector, such as the page of a web server: whether the items arrived is not known then. An empty body is an answer
/// that refuses none.
pub(crate) fn rejected(body: &[u8]) -> Result<(u64, String), String> {
    let answer = match ExportResponse::decode(body) {
        Ok(answer) => answer,
        // Some collectors answer in JSON whatever they are asked in.
        Err(_) if serde_json::from_slice::<serde_json::Map<_, _>>(body).is_ok() => ExportResponse::default(),
        Err(_) => return Err("the body is no answer of an OTLP collector".to_owned()),
    };
    let partial = answer.partial_success.unwrap_or_default();
    Ok((u64::try_from(partial.rejected).unwrap_or(0), partial.error_message))
}

/// An attribute.
pub(crate) fn key_value(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_items_are_read_from_the_answer_and_a_page_of_a_web_server_is_none() {
        let partial_success = Some(PartialSuccess { rejected: 3, error_message: "too old".to_owned() });
        assert_eq!(rejected(&ExportResponse { partial_success }.encode_to_vec()), Ok((3, "too old".to_owned())));
        assert_eq!(rejected(b""), Ok((0, String::new())));
        assert_eq!(rejected(b"{\"partialSuccess\":{}}"), Ok((0, String::new())));
        assert!(rejected(b"<html>").unwrap_err().contains("no answer of an OTLP collector"));
        let negative = Some(PartialSuccess { rejected: -1, error_message: String::new() });
        assert_eq!(rejected(&ExportResponse { partial_success: negative }.encode_to_vec()), Ok((0, String::new())));
    }
}
