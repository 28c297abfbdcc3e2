//! OTLP: the messages of a trace export, as protobuf.
//!
//! Source: opentelemetry-proto, `collector/trace/v1` and `trace/v1`, of which these are the fields in use.

use prost::Message;

use crate::otlp::{KeyValue, Resource, ResourceMessage, Scope, Value, key_value};
use crate::traces::queue::KeptTrace;
use crate::traces::span::{Span, SpanKind, SpanValue};

/// The status code of a span that failed.
const STATUS_ERROR: i32 = 2;
/// Flags of a span: it is known whether its parent is remote.
const HAS_IS_REMOTE: u32 = 0x100;
/// Flags of a span: its parent is remote.
const IS_REMOTE: u32 = 0x200;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ExportRequest {
    #[prost(message, repeated, tag = "1")]
    pub(crate) resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    pub(crate) resource: Option<ResourceMessage>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    pub(crate) scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) spans: Vec<SpanMessage>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SpanMessage {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    pub(crate) trace_state: String,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    pub(crate) name: String,
    #[prost(int32, tag = "6")]
    pub(crate) kind: i32,
    #[prost(fixed64, tag = "7")]
    pub(crate) start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    pub(crate) end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    pub(crate) attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    pub(crate) status: Option<Status>,
    #[prost(fixed32, tag = "16")]
    pub(crate) flags: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Status {
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(int32, tag = "3")]
    pub(crate) code: i32,
}

/// Encodes a batch of traces as an export request.
pub(crate) fn encode(resource: &Resource, traces: Vec<KeptTrace>) -> Vec<u8> {
    let spans = traces.into_iter().flat_map(spans_of).collect();
    let resource_spans = ResourceSpans {
        resource: Some(resource.message()),
        scope_spans: vec![ScopeSpans { scope: Some(Scope::own()), spans }],
    };
    ExportRequest { resource_spans: vec![resource_spans] }.encode_to_vec()
}

fn spans_of(kept: KeptTrace) -> impl Iterator<Item = SpanMessage> {
    let KeptTrace { trace, flags, state, spans } = kept;
    let state = state.map(|state| state.to_string()).unwrap_or_default();
    spans.into_iter().map(move |span| message(trace, flags, &state, span))
}

fn message(trace: [u8; 16], flags: u8, state: &str, span: Span) -> SpanMessage {
    let has_remote_parent = matches!(span.kind, SpanKind::Server | SpanKind::Consumer) && span.parent.is_some();
    let is_remote = if has_remote_parent { IS_REMOTE } else { 0 };
    let attributes = span.attributes.into_iter().map(|(key, value)| {
        let value = match value {
            SpanValue::Text(text) => Value::Text(text.into_owned()),
            SpanValue::Number(number) => Value::Number(number),
            SpanValue::Flag(flag) => Value::Flag(flag),
        };
        key_value(key, value)
    });
    SpanMessage {
        trace_id: trace.to_vec(),
        span_id: span.id.to_vec(),
        trace_state: state.to_owned(),
        parent_span_id: span.parent.map(|parent| parent.to_vec()).unwrap_or_default(),
        name: span.name.into_owned(),
        kind: match span.kind {
            SpanKind::Internal => 1,
            SpanKind::Server => 2,
            SpanKind::Client => 3,
            SpanKind::Consumer => 5,
        },
        start_time_unix_nano: span.start,
        end_time_unix_nano: span.end,
        attributes: attributes.collect(),
        status: span.failed.then(|| Status { message: String::new(), code: STATUS_ERROR }),
        flags: u32::from(flags) | HAS_IS_REMOTE | is_remote,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::queue::tests::trace_of;

    #[test]
    fn an_export_has_the_service_and_each_span_with_its_trace() {
        let resource = Resource::of_service("ledger", "1.0", "here").with("service.name", "books");
        let decoded = ExportRequest::decode(&encode(&resource, vec![trace_of(2), trace_of(1)])[..]).unwrap();
        let [spans] = &decoded.resource_spans[..] else { panic!("{decoded:?}") };
        let first = &spans.resource.as_ref().unwrap().attributes[0];
        assert_eq!(*first, key_value("service.name", Value::Text("books".to_owned())));
        let spans = &spans.scope_spans[0].spans;
        assert_eq!((spans.len(), &spans[0].trace_id[..], spans[0].kind), (3, &[1; 16][..], 2));
    }
}
