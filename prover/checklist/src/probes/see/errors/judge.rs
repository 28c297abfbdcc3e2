//! The judges of `see.errors`, on reports alone.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::subject::ErrorList;

/// The most reports of a hundred equal failures.
pub(super) const MOST_REPORTS: usize = 5;
/// A group has this share of equal failures, in percent; requests of the examination before may be in it as well.
const SHARE: u64 = 90;

/// A place in a source.
static PLACE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"[\w./\\-]+\.[A-Za-z]{1,5}(:|", line )\d+"#).ok());

/// Parts of a report about other programs than the service.
const OTHERS: [&str; 7] = ["sdk", "runtime", "os", "modules", "device", "browser", "packages"];
const VERSION: [&str; 4] = ["version", "release", "app_version", "service.version"];
const COMMIT: [&str; 7] = ["commit", "revision", "git_commit", "commit_id", "sha", "vcs.ref.head.revision", "dist"];
const HOST: [&str; 6] = ["host", "hostname", "server_name", "instance", "host.name", "node"];
const BEFORE: [&str; 7] = ["breadcrumbs", "logs", "steps", "events", "trail", "spans", "history"];

/// The content that a report must have.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    /// The trace ids of the failing requests.
    pub(super) traces: Vec<String>,
    pub(super) agent: String,
    /// One of these texts; none where it is not known.
    pub(super) causes: Vec<String>,
}

/// A group of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) count: u64,
}

impl Expected {
    /// True for a report of one of the failing requests.
    pub(super) fn is_of(&self, report: &Value) -> bool {
        let text = report.to_string();
        self.traces.iter().any(|trace| text.contains(trace))
    }
}

/// Returns the groups of an answer.
pub(super) fn groups(answer: &Value, list: &ErrorList) -> Vec<Group> {
    let rows = answer.pointer(&list.rows).and_then(Value::as_array);
    let group = |row: &Value| {
        let id = row.pointer(&list.id)?;
        let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        Some(Group { id, count: row.pointer(&list.count)?.as_u64()? })
    };
    rows.into_iter().flatten().filter_map(group).collect()
}

/// Returns the groups that grew, and by how much.
pub(super) fn rises(before: &[Group], after: &[Group]) -> Vec<(String, u64)> {
    let earlier = |id: &str| before.iter().find(|group| group.id == id).map_or(0, |group| group.count);
    let rise = |group: &Group| (group.id.clone(), group.count.saturating_sub(earlier(&group.id)));
    after.iter().map(rise).filter(|(_, by)| *by > 0).collect()
}

/// Judges whether equal failures are counted in one group.
pub(super) fn grouped(rises: &[(String, u64)], failures: u64) -> (bool, String) {
    let largest = rises.iter().map(|(_, by)| *by).max().unwrap_or(0);
    let is_one = largest * 100 >= failures * SHARE && largest <= failures + failures / 10;
    (is_one, format!("{failures} equal failures raise the largest of {} groups by {largest}", rises.len()))
}

/// Judges whether events of a Sentry are of one group: by their fingerprint, else by type and place of the error.
pub(super) fn same(events: &[Value]) -> (bool, String) {
    let identity = |event: &Value| match event.get("fingerprint") {
        Some(fingerprint) if fingerprint.as_array().is_some_and(|parts| !parts.is_empty()) => fingerprint.to_string(),
        _ => {
            let errors = event.pointer("/exception/values").and_then(Value::as_array);
            let types: Vec<&Value> = errors.into_iter().flatten().map(|error| &error["type"]).collect();
            format!("{types:?} {}", event["transaction"])
        }
    };
    let groups: BTreeSet<String> = events.iter().map(identity).collect();
    (groups.len() == 1, format!("the reports of equal failures are of {} groups", groups.len()))
}

/// Judges the number of reports.
pub(super) fn limited(reports: usize, failures: usize) -> (bool, String) {
    (reports <= MOST_REPORTS, format!("{reports} reports of {failures} equal failures"))
}

/// Judges whether a secret is in a report.
pub(super) fn clean(reports: &[Value], secrets: &[String]) -> (bool, String) {
    let places = ["a header", "a body"];
    let leaked = secrets
        .iter()
        .zip(places)
        .find(|(secret, _)| reports.iter().any(|report| report.to_string().contains(*secret)));
    match leaked {
        Some((_, place)) => (false, format!("a report has the secret of {place}")),
        None => (true, "no report has the secrets of the requests".to_owned()),
    }
}

/// Judges whether a report has everything.
pub(super) fn judge_report(report: &Value, expected: &Expected) -> (bool, String) {
    let missing = missing(report, expected);
    match missing.is_empty() {
        true => (
            true,
            "a report has the request, its trace, the cause, the place, the build, the host and what came before"
                .to_owned(),
        ),
        false => (false, format!("a report lacks {}", missing.join(", "))),
    }
}

fn missing(report: &Value, expected: &Expected) -> Vec<&'static str> {
    let text = report.to_string();
    let has_word = |word: &str| {
        text.match_indices(word).any(|(at, _)| {
            let beside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            !beside(text[..at].chars().next_back()) && !beside(text[at + word.len()..].chars().next())
        })
    };
    let has_place = PLACE.as_ref().is_some_and(|place| place.is_match(&text)) || has_frame(report);
    let has_cause = expected.causes.is_empty() || expected.causes.iter().any(|cause| text.contains(cause.as_str()));
    let parts = [
        ("the path", text.contains(&expected.path)),
        ("the method", has_word(&expected.method)),
        ("the header User-Agent", text.contains(&expected.agent)),
        ("the trace id", expected.is_of(report)),
        ("the cause", has_cause),
        ("a place in the source", has_place),
        ("the version", names(report, &VERSION)),
        ("the commit", names(report, &COMMIT)),
        ("the host", names(report, &HOST)),
        ("what came before", precedes(report)),
    ];
    parts.into_iter().filter(|(_, is_there)| !is_there).map(|(what, _)| what).collect()
}

/// True when one of these members, at any depth, has a value.
fn names(value: &Value, keys: &[&str]) -> bool {
    let has_value = |value: &Value| match value {
        Value::String(text) => !text.trim().is_empty(),
        Value::Number(_) => true,
        _ => false,
    };
    match value {
        Value::Object(members) => {
            members.iter().filter(|(name, _)| !OTHERS.contains(&name.as_str())).any(|(name, value)| {
                let is_named = keys.iter().any(|key| name.eq_ignore_ascii_case(key));
                (is_named && has_value(value)) || names(value, keys)
            })
        }
        // Tags of the protocol may be pairs.
        Value::Array(items) => match items.as_slice() {
            [Value::String(name), value] if keys.iter().any(|key| name.eq_ignore_ascii_case(key)) => has_value(value),
            items => items.iter().any(|item| names(item, keys)),
        },
        _ => false,
    }
}

/// True for a frame with a file and a line.
fn has_frame(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            let has =
                |names: [&str; 3]| names.iter().any(|name| members.get(*name).is_some_and(|value| !value.is_null()));
            (has(["filename", "file", "abs_path"]) && has(["lineno", "line", "line_number"]))
                || members.values().any(has_frame)
        }
        Value::Array(items) => items.iter().any(has_frame),
        _ => false,
    }
}

/// True when a member that tells of the time before has entries.
fn precedes(value: &Value) -> bool {
    let has_entries = |value: &Value| match value {
        Value::Array(entries) => !entries.is_empty(),
        Value::Object(members) => {
            members.get("values").and_then(Value::as_array).is_some_and(|entries| !entries.is_empty())
        }
        _ => false,
    };
    match value {
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| (BEFORE.contains(&name.as_str()) && has_entries(value)) || precedes(value)),
        _ => false,
    }
}
