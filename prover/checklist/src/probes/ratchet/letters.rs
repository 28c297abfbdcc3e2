//! Letters that were set aside, such as dead letters and quarantined records, as operators see and change them.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use http::Method;
use keel_wire::http::{Answer, Exchange, Request};
use serde_json::{Value, json};

use crate::lab::Lab;
use crate::subject::{DeadLetters, Lever};

/// The shortest name that is looked for outside of the payload: a number of one digit is in every document.
const LONG: usize = 8;
/// The most dead letters that are looked at: the last ones of the list.
const MAX_SHOWN: usize = 100;
/// The author of changes, and their reason.
const AUTHOR: &str = "keel";
const REASON: &str = "an examination of what was set aside";

/// The dead letters.
pub(crate) struct Letters {
    pub(crate) declared: DeadLetters,
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) id: Value,
    /// Empty when there is none.
    pub(crate) reason: String,
    /// The row, and what `show` answers.
    pub(crate) document: Value,
    pub(crate) payload: Option<Value>,
}

impl Letters {
    pub(crate) fn new(declared: DeadLetters) -> Self {
        Self { declared }
    }

    /// The path of the list.
    pub(crate) fn list(&self) -> &str {
        &self.declared.list
    }

    /// The path at which one is shown.
    pub(crate) fn shown(&self) -> &str {
        self.declared.show.as_ref().unwrap_or(&self.declared.list)
    }

    /// All that are listed now, each as it is shown.
    ///
    /// # Errors
    /// When there is no list.
    pub(crate) async fn all(&self, lab: &Lab) -> Result<Vec<Letter>, String> {
        let client = lab.admin();
        let list = &self.declared.list;
        let exchange = client.send(Request::get(list)).await;
        let json = exchange.answer().filter(|answer| answer.status.is_success()).and_then(Answer::json);
        let rows = json.as_ref().and_then(|json| json.pointer(&self.declared.rows)).and_then(Value::as_array);
        let Some(rows) = rows else {
            return Err(format!("GET {list} answers no list at {:?}: check `list` and `rows`", self.declared.rows));
        };
        let rows = rows.iter().rev().take(MAX_SHOWN);
        let client = &client;
        Ok(join_all(rows.map(|row| async move {
            let id = row.pointer(&self.declared.id).cloned().unwrap_or(Value::Null);
            let shown = match &self.declared.show {
                Some(path) => {
                    let lever = Lever { method: "GET".to_owned(), path: path.clone(), json: None };
                    client.send(Request::get(lever.filled(&[("id", &id)]).0)).await.answer().and_then(Answer::json)
                }
                None => None,
            };
            let payload = shown.as_ref().unwrap_or(row).pointer(&self.declared.payload).cloned();
            let reason = row.pointer(&self.declared.reason).map(|reason| match reason {
                Value::Null => String::new(),
                Value::String(text) => text.trim().to_owned(),
                other => other.to_string(),
            });
            Letter { id, reason: reason.unwrap_or_default(), document: json!([row, shown]), payload }
        }))
        .await)
    }

    /// Sends a request of an operator about one of them.
    pub(crate) async fn pull(&self, lab: &Lab, lever: &Lever, id: &Value, payload: Option<&Value>) -> Exchange {
        let (author, reason) = (json!(AUTHOR), json!(REASON));
        let payload = payload.unwrap_or(&Value::Null);
        let values = [("id", id), ("payload", payload), ("author", &author), ("reason", &reason)];
        let (path, json) = lever.filled(&values);
        let request = Request::new(lever.method.to_ascii_uppercase().parse().unwrap_or(Method::POST), path);
        lab.admin().send(json.iter().fold(request, |request, json| request.json(json))).await
    }
}

impl Letter {
    /// Returns true if it is the work of this name.
    pub(crate) fn is_of(&self, known: &[String]) -> bool {
        known.iter().any(|name| names(self.payload.as_ref(), &self.document, name))
    }

    /// Returns true if a text of it has this name in it.
    pub(crate) fn holds_text(&self, name: &str) -> bool {
        has_text(&self.document, name)
    }

    /// Its payload with these values at JSON pointers, in the form in which it is shown; none when it has no such places.
    pub(crate) fn mended(&self, mend: &BTreeMap<String, Value>) -> Option<Value> {
        let payload = self.payload.as_ref()?;
        // A payload may be a document, or the text of one.
        let text = payload.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let mut mended = text.clone().unwrap_or_else(|| payload.clone());
        for (pointer, value) in mend {
            *mended.pointer_mut(pointer)? = value.clone();
        }
        let is_mended = !mend.is_empty();
        is_mended.then(|| if text.is_some() { Value::String(mended.to_string()) } else { mended })
    }
}

/// Returns true if a JSON document has this value anywhere, also in a text that is JSON.
pub(crate) fn shows(document: &Value, value: &Value) -> bool {
    let in_text = |text: &str| {
        text.starts_with(['{', '['])
            && serde_json::from_str::<Value>(text).is_ok_and(|document| shows(&document, value))
    };
    document == value
        || match document {
            Value::String(text) => in_text(text),
            Value::Array(items) => items.iter().any(|item| shows(item, value)),
            Value::Object(fields) => fields.values().any(|field| shows(field, value)),
            _ => false,
        }
}

/// Returns true if a dead letter is of the work of this name: its payload has it, or, if it is long, any other part of what is shown.
pub(crate) fn names(payload: Option<&Value>, document: &Value, name: &str) -> bool {
    let text = Value::String(name.to_owned());
    let number = name.parse::<u64>().ok().map(Value::from);
    let has = |within: &Value| shows(within, &text) || number.as_ref().is_some_and(|number| shows(within, number));
    payload.is_some_and(has) || name.len() >= LONG && has(document)
}

fn has_text(document: &Value, name: &str) -> bool {
    match document {
        Value::String(text) => text.contains(name),
        Value::Array(items) => items.iter().any(|item| has_text(item, name)),
        Value::Object(fields) => fields.values().any(|field| has_text(field, name)),
        _ => false,
    }
}
