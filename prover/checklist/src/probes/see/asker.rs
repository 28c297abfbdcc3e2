//! Sends questions in the declared form.

use std::time::Duration;

use keel_wire::http::{Client, Exchange, Request};
use serde_json::Value;
use url::form_urlencoded;

use crate::lab::Lab;
use crate::subject::QueryInterface;

/// The place of a question.
const PLACE: &str = "{query}";

/// Asks the service.
pub(super) struct Asker {
    pub(super) declared: QueryInterface,
    client: Client,
}

impl Asker {
    pub(super) fn new(lab: &Lab, declared: QueryInterface) -> Self {
        Self { declared, client: lab.admin() }
    }

    /// The same with another bound for each exchange.
    pub(super) fn with_timeout(&self, timeout: Duration) -> Self {
        Self { declared: self.declared.clone(), client: self.client.with_timeout(timeout) }
    }

    pub(super) async fn ask(&self, question: &str) -> Exchange {
        self.client.send(request(&self.declared, question)).await
    }
}

/// The request for a question.
pub(super) fn request(declared: &QueryInterface, question: &str) -> Request {
    let encoded: String = form_urlencoded::byte_serialize(question.as_bytes()).collect();
    let path = declared.path.replace(PLACE, &encoded.replace('+', "%20"));
    let mut request = Request::new(declared.method.to_ascii_uppercase().parse().unwrap_or_default(), path);
    request.headers = declared.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let Some(body) = &declared.body else { return request };
    let (body, kind) = match serde_json::from_str::<Value>(body) {
        Ok(json) => (filled(&json, question).to_string(), "application/json"),
        Err(_) => (body.replace(PLACE, question), "text/plain; charset=utf-8"),
    };
    let has_kind = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let request = if has_kind { request } else { request.header("content-type", kind) };
    request.body(body)
}

/// A JSON body with the question in its strings.
fn filled(json: &Value, question: &str) -> Value {
    match json {
        Value::String(text) => Value::String(text.replace(PLACE, question)),
        Value::Array(items) => items.iter().map(|item| filled(item, question)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), filled(field, question))).collect(),
        plain => plain.clone(),
    }
}
