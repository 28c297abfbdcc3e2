//! OTLP as JSON: ids in hexadecimal, enumerations as numbers or names, 64-bit numbers as text or numbers.

use serde_json::Value;

use super::signal::{Kind, Metric, Signal, Span};

/// The kinds of metrics that are histograms.
const HISTOGRAMS: [&str; 2] = ["histogram", "exponentialHistogram"];
const OTHERS: [&str; 3] = ["gauge", "sum", "summary"];

/// The items of all scopes of all resources.
fn items<'v>(body: &'v Value, resources: &str, scopes: &str, items: &str) -> Result<Vec<&'v Value>, String> {
    let Some(all) = body.get(resources) else {
        return match body.as_object() {
            Some(object) if object.is_empty() => Ok(Vec::new()),
            _ => Err(format!("it has no `{resources}`")),
        };
    };
    let each = |value: &'v Value, name: &str| value.get(name).and_then(Value::as_array).into_iter().flatten();
    let resources = all.as_array().ok_or_else(|| format!("`{resources}` is no array"))?;
    Ok(resources.iter().flat_map(|one| each(one, scopes)).flat_map(|one| each(one, items)).collect())
}

/// Reads an export of spans.
pub(super) fn traces(body: &[u8]) -> Result<Signal, String> {
    let body = parse(body)?;
    let span = |span: &Value| Span {
        trace: id(span, "traceId"),
        id: id(span, "spanId"),
        parent: id(span, "parentSpanId"),
        name: text(span, "name").to_owned(),
        kind: match span.get("kind") {
            Some(Value::String(name)) => Kind::of_name(name),
            Some(number) => Kind::of_number(number.as_i64().unwrap_or(0)),
            None => Kind::Unspecified,
        },
        failed: match span.pointer("/status/code") {
            Some(Value::String(name)) => name == "STATUS_CODE_ERROR",
            Some(number) => number.as_i64() == Some(2),
            None => false,
        },
        links: array(span, "links").map(|link| id(link, "traceId")).collect(),
    };
    Ok(Signal::Traces(items(&body, "resourceSpans", "scopeSpans", "spans")?.into_iter().map(span).collect()))
}

/// Reads an export of metrics.
pub(super) fn metrics(body: &[u8]) -> Result<Signal, String> {
    let body = parse(body)?;
    let metric = |metric: &Value| {
        let points = |kinds: &[&str]| {
            let kinds = kinds.iter().filter_map(|kind| metric.get(*kind));
            kinds.flat_map(|kind| array(kind, "dataPoints").cloned()).collect::<Vec<_>>()
        };
        let counted = points(&HISTOGRAMS);
        Metric {
            name: text(metric, "name").to_owned(),
            is_histogram: HISTOGRAMS.iter().any(|kind| metric.get(*kind).is_some()),
            points: counted.len() + points(&OTHERS).len(),
            count: counted.iter().filter_map(|point| number(point.get("count")?)).fold(0, u64::saturating_add),
        }
    };
    Ok(Signal::Metrics(items(&body, "resourceMetrics", "scopeMetrics", "metrics")?.into_iter().map(metric).collect()))
}

/// Reads an export of log records.
pub(super) fn logs(body: &[u8]) -> Result<Signal, String> {
    let body = parse(body)?;
    let records = items(&body, "resourceLogs", "scopeLogs", "logRecords")?;
    Ok(Signal::Logs(records.into_iter().map(|record| id(record, "traceId")).collect()))
}

fn parse(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn id(value: &Value, name: &str) -> String {
    text(value, name).to_ascii_lowercase()
}

fn array<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
