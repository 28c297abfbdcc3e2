//! `[dead_letters]` of `keel.toml`: the requests by which operators look at dead letters, and change them.

use std::collections::BTreeMap;

use keel_input::diagnostics::Reading;
use keel_input::template;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::dependency::Lever;
use super::values::{fixed_path, url_path};

/// The names that are filled into requests of operators for a dead letter.
const NAMES: [&str; 4] = ["id", "payload", "author", "reason"];

/// The requests of operators for dead letters. All go to the admin listener.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetters {
    /// Path of the list.
    pub list: String,
    /// JSON pointer of the rows in its answer; empty for the answer itself.
    pub rows: String,
    /// Path of one dead letter, with `{id}`; none when the list shows all of it.
    pub show: Option<String>,
    /// JSON pointer of the id in a row.
    pub id: String,
    /// JSON pointer of the reason in a row.
    pub reason: String,
    /// JSON pointer of the payload in what `show` answers, else in a row.
    pub payload: String,
    /// Values at JSON pointers of a payload with which it can be processed.
    pub mend: BTreeMap<String, Value>,
    /// Replaces the payload.
    pub edit: Option<Lever>,
    /// Makes it work again.
    pub retry: Option<Lever>,
    /// Deletes it.
    pub drop: Option<Lever>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeadLettersTable {
    /// Path on `admin` of the list of dead letters.
    /// Required.
    /// Example: `list = "/dead-letters"`
    list: Spanned<String>,
    /// JSON pointer of the rows in the answer.
    /// Default: the answer is the list.
    /// Example: `rows = "/dead_letters"`
    rows: Option<Spanned<String>>,
    /// Path on `admin` of one dead letter; a template of `{id}`.
    /// Default: the list shows all of it.
    /// Example: `show = "/dead-letters/{id}"`
    show: Option<Spanned<String>>,
    /// JSON pointer of the id in a row.
    /// Default: `/id`.
    /// Example: `id = "/number"`
    id: Option<Spanned<String>>,
    /// JSON pointer of the reason in a row.
    /// Default: `/reason`.
    /// Example: `reason = "/error"`
    reason: Option<Spanned<String>>,
    /// JSON pointer of the payload in what `show` answers, else in a row.
    /// Default: `/payload`.
    /// Example: `payload = "/dead_letter/payload"`
    payload: Option<Spanned<String>>,
    /// Values at JSON pointers of a payload with which it can be processed.
    /// Default: edits are not examined.
    /// Example: `mend = { "/destination" = "known" }`
    #[serde(default)]
    mend: BTreeMap<String, Value>,
    /// Request that replaces the payload: `method`, `path`, `json`, with `{id}`, `{payload}`, `{author}` and `{reason}`.
    /// Default: not examined.
    /// Example: `edit = { method = "PUT", path = "/dead-letters/{id}", json = { payload = "{payload}" } }`
    edit: Option<Spanned<Lever>>,
    /// Request that makes it work again.
    /// Default: not examined.
    /// Example: `retry = { method = "POST", path = "/dead-letters/{id}/retry" }`
    retry: Option<Spanned<Lever>>,
    /// Request that deletes it.
    /// Default: not examined.
    /// Example: `drop = { method = "DELETE", path = "/dead-letters/{id}" }`
    drop: Option<Spanned<Lever>>,
}

/// Reads the table.
pub(super) fn read(reading: &mut Reading<'_>, table: DeadLettersTable) -> Option<DeadLetters> {
    let list =
        reading.kept(&table.list.span(), fixed_path(table.list.get_ref()).map_err(|what| format!("`list`: {what}")));
    let rows = pointer(reading, table.rows, "rows", "");
    let show = table.show.map(|show| {
        reading.kept(&show.span(), url_path(show.get_ref()).map_err(|what| format!("`show`: {what}")));
        unfilled(reading, &show, "show", show.get_ref(), &["id"]);
        show.into_inner()
    });
    let id = pointer(reading, table.id, "id", "/id");
    let reason = pointer(reading, table.reason, "reason", "/reason");
    let payload = pointer(reading, table.payload, "payload", "/payload");
    let edit = lever(reading, table.edit, "edit");
    let retry = lever(reading, table.retry, "retry");
    let drop = lever(reading, table.drop, "drop");
    Some(DeadLetters { list: list?, rows, show, id, reason, payload, mend: table.mend, edit, retry, drop })
}

/// A JSON pointer, or what is meant when it is unsaid.
pub(super) fn pointer(reading: &mut Reading<'_>, text: Option<Spanned<String>>, field: &str, unsaid: &str) -> String {
    let Some(text) = text else { return unsaid.to_owned() };
    if !text.get_ref().is_empty() && !text.get_ref().starts_with('/') {
        let what = format!("`{field}` = {:?} is no JSON pointer: expected such as /id", text.get_ref());
        reading.wrong(&text.span(), what);
    }
    text.into_inner()
}

fn lever(reading: &mut Reading<'_>, lever: Option<Spanned<Lever>>, field: &str) -> Option<Lever> {
    lever_of(reading, lever, field, &NAMES)
}

/// A request of an operator with these names in braces.
pub(super) fn lever_of(
    reading: &mut Reading<'_>,
    lever: Option<Spanned<Lever>>,
    field: &str,
    names: &[&str],
) -> Option<Lever> {
    let lever = lever?;
    reading.kept(&lever.span(), url_path(&lever.get_ref().path).map_err(|what| format!("`{field}`: `path` = {what}")));
    let json = lever.get_ref().json.as_ref().map(Value::to_string).unwrap_or_default();
    unfilled(reading, &lever, field, &lever.get_ref().path, names);
    // Braces of JSON itself are no names: they hold quotes or nothing.
    unfilled(reading, &lever, field, &json, names);
    Some(lever.into_inner())
}

pub(super) fn unfilled<T>(reading: &mut Reading<'_>, place: &Spanned<T>, field: &str, text: &str, names: &[&str]) {
    for name in template::unknown(text, |name| names.contains(&name)) {
        let known: Vec<String> = names.iter().map(|name| format!("{{{name}}}")).collect();
        let what = format!("`{field}`: nothing fills {{{name}}}; known here: {}", known.join(", "));
        reading.wrong(&place.span(), what);
    }
}

impl Lever {
    /// The body with values in the places of their names in braces: a string that is nothing but a name becomes the value itself.
    pub(crate) fn filled(&self, values: &[(&str, &Value)]) -> (String, Option<Value>) {
        (fill_text(&self.path, values), self.json.as_ref().map(|json| fill(json, values)))
    }
}

fn fill(json: &Value, values: &[(&str, &Value)]) -> Value {
    match json {
        Value::String(text) => match values.iter().find(|(name, _)| *text == format!("{{{name}}}")) {
            Some((_, value)) => (*value).clone(),
            None => Value::String(fill_text(text, values)),
        },
        Value::Array(items) => items.iter().map(|item| fill(item, values)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), fill(field, values))).collect(),
        plain => plain.clone(),
    }
}

fn fill_text(text: &str, values: &[(&str, &Value)]) -> String {
    let written = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), &written(value)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_string_that_is_a_name_becomes_the_value_and_a_name_within_a_text_its_text() {
        let lever = Lever {
            method: "PUT".to_owned(),
            path: "/dead/{id}".to_owned(),
            json: Some(json!({ "ids": ["{id}"], "payload": "{payload}", "why": "dead letter {id}" })),
        };
        let (id, payload) = (json!(7), json!({ "to": "x" }));
        let (path, body) = lever.filled(&[("id", &id), ("payload", &payload)]);
        assert_eq!(path, "/dead/7");
        assert_eq!(body, Some(json!({ "ids": [7], "payload": { "to": "x" }, "why": "dead letter 7" })));
    }
}
