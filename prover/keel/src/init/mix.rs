//! A request mix from an OpenAPI document: GETs that can be sent as they are; all else as suggestions.

use std::collections::BTreeSet;

use keel_checklist::openapi::{Document, Operation, Parameter};
use keel_wire::http::{Answer, Client, Request};
use serde_json::Value;

use super::look::Found;

/// The most GETs of the mix.
const MAX_REQUESTS: usize = 20;
/// The most GETs that are tried for it.
const MAX_TRIED: usize = 60;
/// The most suggestions.
const MAX_SUGGESTED: usize = 40;

/// The requests of the file.
#[derive(Debug, Default)]
pub(super) struct Mix {
    /// Those that were sent and answered.
    pub(super) requests: Vec<Answered>,
    /// Those that people must complete or decide on.
    pub(super) suggested: Vec<Suggested>,
    /// GETs that were refused, in words.
    pub(super) refused: Vec<String>,
    names: BTreeSet<String>,
    tried: usize,
}

/// A GET that was answered.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) status: u16,
    /// True if the answer is a list.
    pub(super) list: bool,
}

/// A request that is not sent.
#[derive(Debug)]
pub(super) struct Suggested {
    pub(super) name: String,
    pub(super) method: String,
    pub(super) path: String,
    /// The reason for which it is not sent.
    pub(super) why: String,
    pub(super) json: Option<Value>,
    pub(super) status: Option<u16>,
    /// The header that makes it safe to repeat, when it is documented.
    pub(super) idempotent: Option<String>,
}

impl Mix {
    /// Sends the GETs of the document that need no value which it does not give; without a document `/`.
    pub(super) async fn of(client: &Client, found: &Found) -> Self {
        let mut mix = Self::default();
        let Some(document) = &found.document else {
            mix.send(client, "the first page".to_owned(), "/".to_owned()).await;
            return mix;
        };
        for operation in document.operations() {
            let title = operation.title().map(|title| title.trim().to_ascii_lowercase());
            let name = title.unwrap_or_else(|| format!("{} {}", operation.method.to_uppercase(), operation.template));
            let filled = filled(document, &operation);
            match (operation.method, filled) {
                ("get", Ok(path)) if found.has_purpose(&path) => {}
                ("get", Ok(path)) => mix.send(client, name, path).await,
                ("get" | "post" | "put" | "patch" | "delete", filled) => {
                    mix.suggest(document, &operation, name, filled)
                }
                _ => {}
            }
        }
        if mix.requests.is_empty() {
            mix.send(client, "the first page".to_owned(), "/".to_owned()).await;
        }
        mix
    }

    /// Sends a GET, within the bounds, and takes it when it is answered.
    async fn send(&mut self, client: &Client, name: String, path: String) {
        if self.tried >= MAX_TRIED || self.requests.len() >= MAX_REQUESTS {
            return;
        }
        self.tried += 1;
        let exchange = client.send(Request::get(path.clone())).await;
        let Some(answer) = exchange.answer().filter(|answer| answer.status.as_u16() < 400) else {
            self.refused.push(format!("GET {path}: {}", exchange.came_back()));
            return;
        };
        let (status, list) = (answer.status.as_u16(), is_list(answer));
        let name = self.unique(name, &path);
        self.requests.push(Answered { name, path, status, list });
    }

    fn suggest(
        &mut self,
        document: &Document,
        operation: &Operation<'_>,
        name: String,
        filled: Result<String, Vec<String>>,
    ) {
        if self.suggested.len() >= MAX_SUGGESTED {
            return;
        }
        let is_write = operation.method != "get";
        let (path, missing) = match filled {
            Ok(path) => (path, String::new()),
            Err(missing) => {
                let path = document.path(operation, operation.template);
                (path, format!("a value for {}", missing.join(", ")))
            }
        };
        let decide = "keel sends no write that you do not declare";
        let why = match (is_write, missing.is_empty()) {
            (true, true) => decide.to_owned(),
            (true, false) => format!("{decide}; it needs {missing}"),
            (false, _) => format!("it needs {missing}: write one, or save it from an earlier answer"),
        };
        let status = (200..300).find(|status| operation.response(document, *status).is_some());
        let json = operation.json_body(document).map(|_| operation.body_example(document).cloned().unwrap_or_default());
        let parameters = operation.parameters(document);
        let key =
            parameters.iter().find(|one| one.place == "header" && one.name.eq_ignore_ascii_case("idempotency-key"));
        let idempotent = key.map(|key| key.name.to_owned());
        let name = self.unique(name, &path);
        let method = operation.method.to_uppercase();
        self.suggested.push(Suggested { name, method, path, why, json, status, idempotent });
    }

    /// Reports name requests, so each has a name of its own.
    fn unique(&mut self, name: String, path: &str) -> String {
        let mut unique = name.clone();
        let mut count = 1;
        while !self.names.insert(unique.clone()) {
            count += 1;
            unique = if count == 2 { format!("{name}, {path}") } else { format!("{name}, {path} ({count})") };
        }
        unique
    }
}

/// The path of an operation with its required parameters filled in from their examples.
///
/// # Errors
/// The names of those that have none.
fn filled(document: &Document, operation: &Operation<'_>) -> Result<String, Vec<String>> {
    let (mut path, mut query, mut missing) = (operation.template.to_owned(), Vec::new(), Vec::new());
    for parameter in operation.parameters(document).iter().filter(|one| one.required || one.place == "path") {
        match (parameter.place, value(parameter)) {
            ("path", Some(value)) => path = path.replace(&format!("{{{}}}", parameter.name), &value),
            ("query", Some(value)) => query.push(format!("{}={value}", encoded(parameter.name))),
            // A key that makes a write safe to repeat is not for the reader to invent.
            ("header", _) if parameter.name.eq_ignore_ascii_case("idempotency-key") => {}
            _ => missing.push(parameter.name.to_owned()),
        }
    }
    if path.contains('{') && missing.is_empty() {
        missing.push(operation.template.to_owned());
    }
    if !missing.is_empty() {
        return Err(missing);
    }
    let path = document.path(operation, &path);
    Ok(if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) })
}

fn value(parameter: &Parameter<'_>) -> Option<String> {
    match parameter.example? {
        Value::String(text) if !text.is_empty() => Some(encoded(text)),
        value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
        _ => None,
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// Returns true for an answer that is an array, or an object with one page of it.
fn is_list(answer: &Answer) -> bool {
    match answer.json() {
        Some(Value::Array(_)) => true,
        Some(Value::Object(members)) => {
            ["items", "data", "results", "content"].iter().any(|name| members.get(*name).is_some_and(Value::is_array))
        }
        _ => false,
    }
}
