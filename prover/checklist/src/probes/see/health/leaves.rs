//! The plain values of a health document, and which of their changes show that a dependency is sick.

use std::collections::BTreeMap;

use serde_json::Value;

/// Every plain value of a document by its pointer.
pub(super) type Leaves = BTreeMap<String, String>;

/// Words in names of values that change with time or luck: they show no sickness.
const TIMING: [&str; 10] =
    ["uptime", "time", "duration", "latency", "p50", "p90", "p95", "p99", "quantile", "percentile"];
/// Words in names of values that tell how something is.
const STATES: [&str; 18] = [
    "breaker",
    "breakers",
    "checks",
    "circuit",
    "degraded",
    "dependencies",
    "dependency",
    "down",
    "error",
    "errors",
    "failed",
    "failures",
    "health",
    "healthy",
    "state",
    "status",
    "timeouts",
    "upstream",
];

/// The leaves of a document.
pub(super) fn of(json: &Value) -> Leaves {
    let mut leaves = Leaves::new();
    gather(json, String::new(), &mut leaves);
    leaves
}

fn gather(json: &Value, pointer: String, leaves: &mut Leaves) {
    match json {
        Value::Object(object) => {
            object.iter().for_each(|(name, value)| gather(value, format!("{pointer}/{name}"), leaves))
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(number, value)| gather(value, format!("{pointer}/{number}"), leaves));
        }
        plain => {
            leaves.insert(pointer, plain.to_string());
        }
    }
}

/// The pointers whose value is new or another, those of times left out.
pub(super) fn differences(before: &Leaves, after: &Leaves) -> Vec<String> {
    let times = |pointer: &str| words(pointer).iter().any(|word| TIMING.contains(&word.as_str()));
    after
        .iter()
        .filter(|(pointer, value)| before.get(*pointer) != Some(value) && !times(pointer))
        .map(|(pointer, _)| pointer.clone())
        .collect()
}

/// Returns true if a changed value shows a dependency: its place or the value names it, or its place is that of a state.
pub(super) fn shows(pointer: &str, leaves: &Leaves, dependency: &str) -> bool {
    let dependency = dependency.to_lowercase();
    let value = leaves.get(pointer).map(|value| value.to_lowercase()).unwrap_or_default();
    pointer.to_lowercase().contains(&dependency)
        || value.contains(&dependency)
        || words(pointer).iter().any(|word| STATES.contains(&word.as_str()))
}

/// The words of a pointer in small letters: `/db/lastErrorTime` has `db`, `last`, `error` and `time`.
fn words(pointer: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in pointer.chars() {
        if !letter.is_alphanumeric() || letter.is_uppercase() && before.is_lowercase() {
            words.push(String::new());
        }
        if letter.is_alphanumeric() {
            words.last_mut().into_iter().for_each(|word| word.extend(letter.to_lowercase()));
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(before: &str, after: &str) -> Vec<String> {
        let parse = |text: &str| of(&serde_json::from_str(text).unwrap_or_default());
        differences(&parse(before), &parse(after))
    }

    #[test]
    fn a_count_of_timeouts_is_no_time() {
        assert_eq!(changed(r#"{"rates":{"timeouts":0}}"#, r#"{"rates":{"timeouts":1}}"#), ["/rates/timeouts"]);
        assert_eq!(
            changed(r#"{"upTime":1,"response_time":2}"#, r#"{"upTime":2,"response_time":3}"#),
            Vec::<String>::new()
        );
        assert_eq!(changed(r#"{"lastErrorTime":1}"#, r#"{"lastErrorTime":2}"#), Vec::<String>::new());
    }

    #[test]
    fn a_change_shows_a_dependency_by_its_name_or_by_a_state() {
        let leaves = |text: &str| of(&serde_json::from_str(text).unwrap_or_default());
        assert!(shows("/pools/Rates/open", &leaves("{}"), "rates"));
        assert!(shows("/problems/0", &leaves(r#"{"problems":["rates is away"]}"#), "rates"));
        assert!(shows("/status", &leaves(r#"{"status":"degraded"}"#), "rates"));
        assert!(!shows("/process/python/threads", &leaves(r#"{"process":{"python":{"threads":5}}}"#), "rates"));
    }
}
