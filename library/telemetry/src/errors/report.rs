//! The report of one failure, as JSON.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value as Json, json};
use tokio::time::Instant;
use vitals::{Event, Instance, Registry, TableValue};

use super::failure::{Failure, RequestHead};
use super::groups::Identity;
use super::trail::{Trail, TrailStep, cut};
use crate::Timestamp;
use crate::redact::{self, REDACTED};

/// The most bytes of a report as JSON; what is left out is said in `left_out`.
pub const MAX_REPORT_BYTES: usize = 16 * 1024;
/// Events of the bus in a report, the last ones.
const MAX_EVENTS: usize = 20;
/// Policies in a report, those whose state is not the usual one first.
const MAX_POLICIES: usize = 16;
/// A longer path, query or header is cut.
const MAX_TEXT_BYTES: usize = 512;
/// Members that a report that is too long goes without, the first ones first.
const LEFT_OUT: [&str; 5] = ["events", "logs", "backtrace", "policies", "steps"];

/// The key of the hashes of clients, of this process alone.
static CLIENT_KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Inputs of a report.
pub(super) struct Parts<'a> {
    pub(super) identity: &'a Identity,
    pub(super) failure: &'a Failure<'a>,
    pub(super) head: RequestHead,
    pub(super) trail: &'a Trail,
    pub(super) instance: &'a Instance,
    pub(super) registry: &'a Registry,
}

/// Makes the report. Reads the policies and the last events: tens of microseconds.
pub(super) fn report(parts: &Parts<'_>) -> Json {
    let Parts { identity, failure, trail, instance, registry, .. } = parts;
    let causes = trail.error.as_ref().map_or_else(|| vec![identity.message.clone()], |error| error.causes.clone());
    let mut report = json!({
        "fingerprint": identity.fingerprint,
        "at": Timestamp(SystemTime::now()).to_string(),
        "kind": identity.kind,
        "place": identity.place,
        "message": causes.first(),
        "causes": causes,
        "service": service(instance),
        "work": work(parts),
        "trace": { "trace_id": failure.trace.trace_id(), "span_id": failure.trace.span_id() },
        "steps": trail.steps.iter().map(|step| step_of(step, began(failure))).collect::<Vec<_>>(),
        "logs": trail.lines.iter().map(|line| line_of(line)).collect::<Vec<_>>(),
        "load": parts.head.load.iter().map(|(name, value)| ((*name).to_owned(), Json::from(*value))).collect::<Map<_, _>>(),
        "policies": policies(registry),
        "events": events(registry),
    });
    if let Some(backtrace) = trail.error.as_ref().and_then(|error| error.backtrace.as_deref()) {
        report["backtrace"] = Json::from(backtrace);
    }
    let mut left_out: Map<String, Json> = Map::new();
    for (name, count) in [("lines", trail.lines_left_out), ("steps", trail.steps_left_out)] {
        if count > 0 {
            left_out.insert(name.to_owned(), count.into());
        }
    }
    for name in LEFT_OUT {
        if report.to_string().len() <= MAX_REPORT_BYTES {
            break;
        }
        if let Some(removed) = report.as_object_mut().and_then(|report| report.remove(name)) {
            left_out.insert(name.to_owned(), removed.as_array().map_or(1, Vec::len).into());
        }
    }
    if !left_out.is_empty() {
        report["left_out"] = Json::Object(left_out);
    }
    report
}

fn service(instance: &Instance) -> Json {
    let build = instance.build();
    json!({
        "name": build.name,
        "version": build.version,
        "commit": build.commit,
        "host": instance.host(),
        "process": std::process::id(),
        "uptime_seconds": instance.uptime().as_secs(),
    })
}

fn work(parts: &Parts<'_>) -> Json {
    let (failure, head) = (parts.failure, &parts.head);
    let mut work = json!({
        "is": failure.work,
        "id": failure.request_id,
        "took_ms": millis(failure.took),
        "deadline_left_ms": failure.deadline_left.map(millis),
        "criticality": failure.criticality,
    });
    if failure.work != "request" {
        work["name"] = Json::from(failure.name);
        return work;
    }
    let shown = |name: &str, value: &str| if redact::is_secret_name(name) { REDACTED.to_owned() } else { clean(value) };
    let headers = head.headers.iter().map(|(name, value)| ((*name).to_owned(), Json::from(shown(name, value))));
    work["route"] = Json::from(failure.name);
    work["method"] = Json::from(failure.method);
    work["status"] = Json::from(failure.status);
    work["path"] = Json::from(clean(&head.path));
    work["query"] = Json::from(head.query.as_deref().map(clean_query));
    work["headers"] = Json::Object(headers.collect());
    work["client"] = Json::from(head.client.map(|client| format!("{:016x}", CLIENT_KEY.hash_one(client))));
    work
}

/// A query is redacted with the mark before it by which its fields are recognized.
fn clean_query(query: &str) -> String {
    clean(&format!("?{query}"))[1..].to_owned()
}

fn clean(text: &str) -> String {
    cut(&redact::text(text), MAX_TEXT_BYTES).to_owned()
}

fn began(failure: &Failure<'_>) -> Option<Instant> {
    Instant::now().checked_sub(failure.took)
}

fn step_of(step: &TrailStep, began: Option<Instant>) -> Json {
    let mut shown = json!({ "step": step.step.name() });
    if let Some(began) = began {
        shown["at_ms"] = Json::from(millis(step.began.saturating_duration_since(began)));
    }
    shown["took_ms"] = Json::from(step.ended.map(|ended| millis(ended.saturating_duration_since(step.began))));
    if let Some(call) = &step.call {
        shown["peer"] = Json::from(&*call.peer);
        shown["attempt"] = Json::from(call.attempt);
        shown["outcome"] = Json::from(call.outcome.to_string());
    }
    shown
}

/// A line of the log as an object; one that was cut as a text.
fn line_of(line: &str) -> Json {
    serde_json::from_str(line).unwrap_or_else(|_| Json::from(line))
}

/// The policies of the dependencies: those with a state that is not the usual one first.
fn policies(registry: &Registry) -> Vec<Json> {
    let Some(snapshot) = registry.snapshot_of(&["policy"]).pop() else { return Vec::new() };
    let columns = snapshot.table.columns;
    let mut rows: Vec<(bool, Json)> = Vec::new();
    for row in &snapshot.rows {
        let (mut is_degraded, mut shown) = (false, Map::new());
        for (column, value) in columns.iter().zip(row) {
            is_degraded |= value.as_text().is_some_and(|word| column.degraded.contains(&word));
            if !POLICY.contains(&column.name) {
                continue;
            }
            shown.insert(
                column.name.to_owned(),
                match value {
                    TableValue::Text(text) => Json::from(&**text),
                    value => Json::from(value.number()),
                },
            );
        }
        rows.push((is_degraded, Json::Object(shown)));
    }
    rows.sort_by_key(|(is_degraded, _)| !is_degraded);
    rows.into_iter().take(MAX_POLICIES).map(|(_, row)| row).collect()
}

/// Columns of a policy that say whether its dependency works.
const POLICY: [&str; 6] = ["name", "breaker", "breaker_order", "failure_share", "calls_in_flight", "calls_waiting"];

fn events(registry: &Registry) -> Vec<Json> {
    let past = registry.bus().after(0).events;
    let last = &past[past.len().saturating_sub(MAX_EVENTS)..];
    last.iter().map(|event| event_of(event)).collect()
}

fn event_of(event: &Event) -> Json {
    json!({
        "at": Timestamp(event.at).to_string(),
        "part": event.part,
        "name": event.name,
        "state": event.state,
        "reason": clean(&event.reason),
    })
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
