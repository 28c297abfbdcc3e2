//! Lines of the log as records of OTLP.
//!
//! Source: opentelemetry-proto, `collector/logs/v1` and `logs/v1`, of which these are the fields in use. The line is read again here, in the export's own
//! task: a request pays for one copy of it.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;
use serde_json::{Map, Value as Json};

use crate::otlp::message::{AnyValue, KeyValue, Resource, ResourceMessage, Scope, Value, key_value};

#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) resource_logs: Vec<ResourceLogs>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ResourceLogs {
    #[prost(message, optional, tag = "1")]
    pub(super) resource: Option<ResourceMessage>,
    #[prost(message, repeated, tag = "2")]
    pub(super) scope_logs: Vec<ScopeLogs>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ScopeLogs {
    #[prost(message, optional, tag = "1")]
    pub(super) scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    pub(super) log_records: Vec<LogRecord>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LogRecord {
    #[prost(fixed64, tag = "1")]
    pub(super) time_unix_nano: u64,
    #[prost(int32, tag = "2")]
    pub(super) severity_number: i32,
    #[prost(string, tag = "3")]
    pub(super) severity_text: String,
    #[prost(message, optional, tag = "5")]
    pub(super) body: Option<AnyValue>,
    #[prost(message, repeated, tag = "6")]
    pub(super) attributes: Vec<KeyValue>,
    #[prost(bytes = "vec", tag = "9")]
    pub(super) trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    pub(super) span_id: Vec<u8>,
    #[prost(fixed64, tag = "11")]
    pub(super) observed_time_unix_nano: u64,
}

/// Encodes lines as an export request: a scope for each target.
pub(super) fn encode(resource: &Resource, lines: &[Box<str>], now: SystemTime) -> Vec<u8> {
    let mut scopes: BTreeMap<String, Vec<LogRecord>> = BTreeMap::new();
    for line in lines {
        let (target, record) = record_of(line, now);
        scopes.entry(target).or_default().push(record);
    }
    let scope_logs = scopes.into_iter().map(|(name, log_records)| {
        let scope = Some(Scope { name, version: String::new() });
        ScopeLogs { scope, log_records }
    });
    let resource_logs = ResourceLogs { resource: Some(resource.message()), scope_logs: scope_logs.collect() };
    ExportRequest { resource_logs: vec![resource_logs] }.encode_to_vec()
}

/// The target and the record of a line. A line that is no JSON, which the log does not write, is the body as it is.
fn record_of(line: &str, now: SystemTime) -> (String, LogRecord) {
    let Ok(mut fields) = serde_json::from_str::<Map<String, Json>>(line) else {
        let body = Some(AnyValue { value: Some(Value::Text(line.trim_end().to_owned())) });
        let record = LogRecord { body, observed_time_unix_nano: nanos(now), ..LogRecord::default() };
        return (String::new(), record);
    };
    let mut take = |name: &str| match fields.remove(name) {
        Some(Json::String(text)) => text,
        _ => String::new(),
    };
    let (target, level, message, at) = (take("target"), take("level"), take("message"), take("ts"));
    let (trace, span, request) = (take("trace_id"), take("span_id"), take("request_id"));
    let request = Some(request).filter(|id| !id.is_empty()).map(|id| key_value("request.id", Value::Text(id)));
    let others = fields.into_iter().filter_map(|(name, value)| Some(key_value(&name, value_of(value)?)));
    let record = LogRecord {
        time_unix_nano: humantime::parse_rfc3339(&at).map_or(0, nanos),
        severity_number: severity(&level),
        severity_text: level,
        body: Some(AnyValue { value: Some(Value::Text(message)) }),
        attributes: request.into_iter().chain(others).collect(),
        trace_id: bytes_of(&trace),
        span_id: bytes_of(&span),
        observed_time_unix_nano: nanos(now),
    };
    (target, record)
}

/// The number of a level in OpenTelemetry's data model; 0 is unspecified.
fn severity(level: &str) -> i32 {
    match level {
        "TRACE" => 1,
        "DEBUG" => 5,
        "INFO" => 9,
        "WARN" => 13,
        "ERROR" => 17,
        _ => 0,
    }
}

fn value_of(value: Json) -> Option<Value> {
    match value {
        Json::Null => None,
        Json::Bool(flag) => Some(Value::Flag(flag)),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Some(Value::Number(number)),
            None => number.as_f64().map(Value::Level),
        },
        Json::String(text) => Some(Value::Text(text)),
        other => Some(Value::Text(other.to_string())),
    }
}

/// The bytes that are written in hexadecimal; none when it is something else.
fn bytes_of(hex: &str) -> Vec<u8> {
    let digit = |at: usize| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..hex.len()).step_by(2).map(digit).collect::<Option<_>>().unwrap_or_default()
}

/// Nanoseconds since 1970.
pub(super) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_record_with_its_severity_its_trace_and_its_fields() {
        let line = r#"{"ts":"2026-11-30T01:00:00.000042Z","level":"WARN","target":"bank","message":"slow","request_id":"r-1",
            "trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331","ms":7,"share":0.5,"late":true,"none":null}"#;
        let now = SystemTime::now();
        let encoded = encode(&Resource::of_service("shop", "1", "here"), &[line.into(), "no JSON\n".into()], now);
        let decoded = ExportRequest::decode(&encoded[..]).unwrap();
        let [logs] = &decoded.resource_logs[..] else { panic!("{decoded:?}") };
        let [other, bank] = &logs.scope_logs[..] else { panic!("{logs:?}") };
        assert_eq!(bank.scope.as_ref().unwrap().name, "bank");
        let [record] = &bank.log_records[..] else { panic!("{bank:?}") };
        assert_eq!((record.severity_number, &*record.severity_text), (13, "WARN"));
        assert_eq!(record.time_unix_nano, 1_796_000_400_000_042_000);
        assert_eq!((record.trace_id[0], record.trace_id.len(), record.span_id.len()), (0x0a, 16, 8));
        assert_eq!(record.body, Some(AnyValue { value: Some(Value::Text("slow".to_owned())) }));
        let expected = [
            key_value("request.id", Value::Text("r-1".to_owned())),
            key_value("late", Value::Flag(true)),
            key_value("ms", Value::Number(7)),
            key_value("share", Value::Level(0.5)),
        ];
        assert_eq!(record.attributes, expected);
        assert_eq!(other.log_records[0].body, Some(AnyValue { value: Some(Value::Text("no JSON".to_owned())) }));
    }

    #[test]
    fn an_id_that_is_no_hexadecimal_is_left_out() {
        assert_eq!(
            (bytes_of("0aff"), bytes_of("0g"), bytes_of("abc"), bytes_of("ää")),
            (vec![10, 255], vec![], vec![], vec![])
        );
    }
}
