//! A batch of good and bad records.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::subject::{Records, RequestSpec};

/// Counts records, so that two runs in one process never name the same.
static COUNTER: AtomicUsize = AtomicUsize::new(1);

/// A record, and its own name in it.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) text: String,
}

/// Records that are sent together.
pub(super) struct Batch {
    pub(super) good: Vec<Named>,
    pub(super) bad: Vec<Named>,
    text: String,
}

/// A template of `{record}` with a record's name.
pub(super) fn filled(template: &str, name: &str) -> String {
    template.replace("{record}", name)
}

impl Batch {
    /// Good records with one of each bad kind between them.
    pub(super) fn of(records: &Records, good: usize) -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let named = |template: &String| {
            let name = format!("keel-{}-{}", since.as_nanos(), COUNTER.fetch_add(1, Ordering::Relaxed));
            Named { text: filled(template, &name), name }
        };
        let bad: Vec<Named> = records.bad.iter().map(named).collect();
        let good: Vec<Named> = (0..good).map(|_| named(&records.good)).collect();
        let mut texts: Vec<&str> = records.head.iter().map(String::as_str).collect();
        for place in 0..good.len().max(bad.len()) {
            texts.extend(good.get(place).map(|record| record.text.as_str()));
            texts.extend(bad.get(place).map(|record| record.text.as_str()));
        }
        let text = texts.join(&records.between);
        Self { good, bad, text }
    }

    pub(super) fn all(&self) -> Vec<Named> {
        self.good.iter().chain(&self.bad).cloned().collect()
    }

    /// The request with the records in the place of `{records}`.
    pub(super) fn request(&self, spec: &RequestSpec) -> RequestSpec {
        let mut spec = spec.clone();
        spec.body = spec.body.map(|body| body.replace("{records}", &self.text));
        if let Some(json) = &mut spec.json {
            put(json, &self.text);
        }
        spec
    }
}

fn put(json: &mut Value, records: &str) {
    match json {
        Value::String(text) => *text = text.replace("{records}", records),
        Value::Array(items) => items.iter_mut().for_each(|item| put(item, records)),
        Value::Object(fields) => fields.values_mut().for_each(|field| put(field, records)),
        _ => {}
    }
}
