//! `border.problem`: every error is a problem document (RFC 9457) with a request id, and leaks nothing.
//!
//! - **Hypothesis**: whatever goes wrong, the answer is `application/problem+json` with `type`, `title` and the right `status`, a
//!   request id in a header or in the document, and nothing about the inside.
//! - **Sent**: a path that does not exist, twice; DELETE where only GET is known; malformed JSON and JSON of another media type to
//!   the first JSON request of the mix; each request of the mix that is declared to crash.
//! - **Decides**: an error in another form, without an id, with the id of another, or with traces, paths, SQL or versions in it
//!   falls short. What the protocol layer refuses before HTTP is understood (a garbled head) is not looked at.
//! - **Blast radius**: DELETE is sent only to a path of the mix without templates, on which the mix has no DELETE.
//! - **Bound in time**: six exchanges, each within the service's deadline plus 5 s.

use http::Method;
use keel_wire::http::{Exchange, Request};
use regex::Regex;
use serde_json::Value;

use super::support::writes::{NOWHERE, json_spec, reads};
use crate::clause::Clause;
use crate::clause::border::problem as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "border.problem";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};

/// What an answer to a stranger must not contain, and what it would be.
const LEAKS: [(&str, &str); 8] = [
    (r"Traceback \(most recent call last\)", "a Python traceback"),
    (r"panicked at|stack backtrace|RUST_BACKTRACE", "a Rust panic"),
    (r"(?m)^\s+at \S+ ?\(.*\)|\bException in thread\b|\bjava\.lang\.\w+", "a stack trace"),
    (r"goroutine \d+ \[", "a Go panic"),
    (r"\b[\w/.-]+\.(rs|py|js|ts|go|java|rb|php|cs):\d+", "a place in the source"),
    (r"(^|[\s\x22'(=])/(home|usr|var|root|opt|srv|tmp|etc)/[\w.-]+", "a file path"),
    (
        r"SQLSTATE|syntax error at or near|\bSELECT\b.{1,80}\bFROM\b|\bINSERT INTO\b|UNIQUE constraint failed|\bsqlx?::",
        "SQL",
    ),
    (
        r"(?i)\b(nginx|apache|caddy|python|php|express|werkzeug|django|flask|jetty|tomcat|kestrel|hyper|axum)/\d+\.\d+",
        "the version of what serves it",
    ),
];

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let mut evidence = Vec::new();
    let mut ids = Vec::new();
    let mut seen_error = false;
    for (what, request) in attempts(lab) {
        let exchange = lab.http().send(request).await;
        let (pieces, id) = examine_error(what, &exchange);
        seen_error |= pieces.iter().any(|piece| piece.decides());
        // The note on the server's version is the same every time: once will do.
        evidence.extend(
            pieces.into_iter().filter(|piece| piece.sent.is_some() || !evidence.contains(piece)).collect::<Vec<_>>(),
        );
        ids.extend(id);
    }
    let distinct: std::collections::HashSet<&String> = ids.iter().collect();
    if distinct.len() < ids.len() {
        evidence.push(clause::REQUEST_ID.contradicts("two errors carry the same request id"));
    }
    if !seen_error {
        return Finding::unknown(
            ID,
            "no error could be provoked: declare a request with JSON in [[requests]]",
            evidence,
        );
    }
    Finding::judge(ID, evidence)
}

/// What is sent to provoke errors, and what each is.
fn attempts(lab: &Lab) -> Vec<(&'static str, Request)> {
    let mut attempts = vec![
        ("a path that does not exist", Request::get(NOWHERE)),
        ("the same again", Request::get(NOWHERE)),
        ("a method that the path does not have", Request::new(Method::DELETE, only_read(lab))),
    ];
    if let Some(spec) = json_spec(lab) {
        let malformed = lab.fill(&spec).body(r#"{"broken": "#);
        attempts.push(("malformed JSON", malformed));
        let mut other = lab.fill(&spec);
        other.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        attempts.push(("a body of another media type", other.header("Content-Type", "text/csv").body("a,b\n1,2\n")));
    }
    let crashes = lab.subject.requests.iter().filter(|spec| spec.crash);
    attempts.extend(crashes.map(|spec| ("a request that crashes its handler", lab.fill(spec))));
    attempts
}

/// A path that is read and nothing else: of the mix, without templates and without a DELETE; else the root.
fn only_read(lab: &Lab) -> String {
    let requests = &lab.subject.requests;
    let deleted =
        |path: &str| requests.iter().any(|spec| spec.method.eq_ignore_ascii_case("DELETE") && spec.path == path);
    let specs = requests.iter().filter(|spec| reads(spec) && !spec.slow && !spec.crash);
    let path = specs.map(|spec| spec.path.as_str()).find(|path| !path.contains('{') && !deleted(path));
    path.unwrap_or("/").split('?').next().unwrap_or("/").to_owned()
}

/// Judges one error; its request id when it has one.
fn examine_error(what: &str, exchange: &Exchange) -> (Vec<Evidence>, Option<String>) {
    let Some(answer) = exchange.answer() else {
        return (vec![clause::DOCUMENT.contradicts(format!("{what} is not answered at all")).with(exchange)], None);
    };
    let status = answer.status.as_u16();
    if status < 400 {
        return (vec![clause::DOCUMENT.gap(format!("{what} is no error here: {status}")).with(exchange)], None);
    }
    let body = answer.text();
    let document = answer.json().filter(Value::is_object);
    let id = request_id(exchange, document.as_ref());
    let told = |clause: Clause, faults: Vec<String>, sound: &str| {
        let found = if faults.is_empty() { sound.to_owned() } else { faults.join(", ") };
        clause.saw(faults.is_empty(), format!("{what} ({status}): {found}")).with(exchange)
    };
    let without_id = if id.is_none() { vec!["no request id".to_owned()] } else { Vec::new() };
    let leaks = leaks(&body).into_iter().map(|leak| format!("it shows {leak}")).collect();
    let mut evidence = vec![
        told(clause::DOCUMENT, form(answer.header("content-type"), document.as_ref(), status), "a problem document"),
        told(clause::REQUEST_ID, without_id, "it carries a request id"),
        told(clause::NO_LEAK, leaks, "it shows nothing of the inside"),
    ];
    let server = answer.header("server");
    if server.contains('/') && server.chars().any(|letter| letter.is_ascii_digit()) {
        evidence.push(clause::NO_LEAK.figure(format!("the Server header tells a version: {server}")));
    }
    (evidence, id)
}

/// What is wrong with the form of an error.
fn form(content_type: &str, document: Option<&Value>, status: u16) -> Vec<String> {
    if !content_type.to_ascii_lowercase().starts_with("application/problem+json") {
        let content_type = if content_type.is_empty() { "no media type" } else { content_type };
        return vec![format!("{content_type} instead of application/problem+json")];
    }
    let Some(document) = document else { return vec!["no JSON object".into()] };
    let mut faults = Vec::new();
    for member in ["type", "title"] {
        if !document.get(member).is_some_and(Value::is_string) {
            faults.push(format!("no {member}"));
        }
    }
    if document.get("status").and_then(Value::as_u64) != Some(u64::from(status)) {
        faults.push(format!("its status is {}", document.get("status").unwrap_or(&Value::Null)));
    }
    faults
}

/// A request id from the usual headers, or from a member of the document whose name says so.
fn request_id(exchange: &Exchange, document: Option<&Value>) -> Option<String> {
    let answer = exchange.answer()?;
    let headers = ["x-request-id", "request-id", "x-correlation-id", "traceparent", "x-trace-id"];
    let header = headers.iter().map(|name| answer.header(name)).find(|value| !value.is_empty());
    let member = || {
        let members = document?.as_object()?;
        let named = |name: &str| {
            let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
            ["requestid", "correlationid", "traceid"].contains(&plain.to_ascii_lowercase().as_str())
        };
        members.iter().find(|(name, _)| named(name)).and_then(|(_, value)| value.as_str())
    };
    header.or_else(member).map(ToOwned::to_owned)
}

/// What the text gives away.
fn leaks(text: &str) -> Vec<&'static str> {
    let shown = |pattern: &str| Regex::new(pattern).expect("the pattern is a literal").is_match(text);
    LEAKS.iter().filter(|(pattern, _)| shown(pattern)).map(|(_, what)| *what).collect()
}
