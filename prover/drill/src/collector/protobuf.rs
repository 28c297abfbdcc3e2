//! OTLP as protobuf: the fields that are kept, by the numbers of opentelemetry-proto 1.x.

use std::fmt::Debug;

use prost::Message;

use super::signal::{Kind, Metric, Signal, Span};

/// The status code of an error.
const STATUS_ERROR: i32 = 2;

/// `ExportTraceServiceRequest`; those of metrics and logs have the same form.
#[derive(Clone, PartialEq, Message)]
struct Export<R: Message + Default + Debug> {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<R>,
}

#[derive(Clone, PartialEq, Message)]
struct Scoped<S: Message + Default + Debug> {
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<S>,
}

#[derive(Clone, PartialEq, Message)]
struct Items<I: Message + Default + Debug> {
    #[prost(message, repeated, tag = "2")]
    items: Vec<I>,
}

#[derive(Clone, PartialEq, Message)]
struct SpanMessage {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(message, repeated, tag = "13")]
    links: Vec<Link>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
struct Link {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct MetricMessage {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "5")]
    gauge: Option<Points<Empty>>,
    #[prost(message, optional, tag = "7")]
    sum: Option<Points<Empty>>,
    #[prost(message, optional, tag = "9")]
    histogram: Option<Points<Counted>>,
    #[prost(message, optional, tag = "10")]
    exponential: Option<Points<Counted>>,
    #[prost(message, optional, tag = "11")]
    summary: Option<Points<Empty>>,
}

#[derive(Clone, PartialEq, Message)]
struct Points<P: Message + Default + Debug> {
    #[prost(message, repeated, tag = "1")]
    points: Vec<P>,
}

#[derive(Clone, PartialEq, Message)]
struct Counted {
    #[prost(fixed64, tag = "4")]
    count: u64,
}

#[derive(Clone, PartialEq, Message)]
struct LogMessage {
    #[prost(bytes = "vec", tag = "9")]
    trace_id: Vec<u8>,
}

/// A message of which only the presence is kept.
#[derive(Clone, PartialEq, Message)]
struct Empty {}

type Resources<I> = Export<Scoped<Items<I>>>;

fn items<I: Message + Default + Debug>(body: &[u8]) -> Result<Vec<I>, String> {
    let export = Resources::<I>::decode(body).map_err(|error| error.to_string())?;
    let scopes = export.resources.into_iter().flat_map(|resource| resource.scopes);
    Ok(scopes.flat_map(|scope| scope.items).collect())
}

/// Reads an export of spans.
pub(super) fn traces(body: &[u8]) -> Result<Signal, String> {
    let span = |span: SpanMessage| Span {
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        name: span.name,
        kind: Kind::of_number(span.kind.into()),
        failed: span.status.is_some_and(|status| status.code == STATUS_ERROR),
        links: span.links.iter().map(|link| hex(&link.trace_id)).collect(),
    };
    Ok(Signal::Traces(items(body)?.into_iter().map(span).collect()))
}

/// Reads an export of metrics.
pub(super) fn metrics(body: &[u8]) -> Result<Signal, String> {
    let metric = |metric: MetricMessage| {
        let plain = [&metric.gauge, &metric.sum, &metric.summary].into_iter().flatten().map(|of| of.points.len());
        let counted = [&metric.histogram, &metric.exponential].into_iter().flatten();
        Metric {
            is_histogram: metric.histogram.is_some() || metric.exponential.is_some(),
            points: plain.sum::<usize>() + counted.clone().map(|of| of.points.len()).sum::<usize>(),
            count: counted.flat_map(|of| &of.points).map(|point| point.count).fold(0, u64::saturating_add),
            name: metric.name,
        }
    };
    Ok(Signal::Metrics(items(body)?.into_iter().map(metric).collect()))
}

/// Reads an export of log records.
pub(super) fn logs(body: &[u8]) -> Result<Signal, String> {
    Ok(Signal::Logs(items::<LogMessage>(body)?.into_iter().map(|record| hex(&record.trace_id)).collect()))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
