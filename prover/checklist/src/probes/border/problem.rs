//! `border.problem`: every error is a problem document (RFC 9457) with a request id, and leaks nothing.
//!
//! - **Hypothesis**: for every error the answer is `application/problem+json` with `type`, `title` and the right `status`, a
//!   request id in a header or in the document, and nothing about the inside.
//! - **Sent**: a path that does not exist, twice; an unknown method; malformed JSON and a body of another media type to
//!   the first four JSON requests of the mix; the whole mix once; each request that is declared to crash; and, with each dependency
//!   down in turn, the first four requests that use it.
//! - **Decides**: an error in another form, without an id, with the id of another, or with traces, paths, SQL or versions in it
//!   falls short. The request's own path is no leak. Where no 5xx was seen, the errors that leak most were not: a gap. What the
//!   protocol layer refuses before HTTP is understood (a garbled head) is not looked at.
//! - **Blast radius**: the mix once more; each dependency is down for some seconds, and mended at the end.
//! - **Bound in time**: 30 exchanges and four a dependency, each within the service's deadline plus 5 s.

use http::Method;
use keel_proxy::Fault;
use keel_wire::http::{Exchange, Request};
use regex::Regex;
use serde_json::Value;

use super::support::writes::{NOWHERE, Writes, bodied, json_spec, writes};
use crate::clause::Clause;
use crate::clause::border::problem as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::Shows;
use crate::subject::Dependencies;

#[cfg(test)]
mod judge_tests;
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

/// Patterns that an answer to a stranger must not contain, with a description of each.
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

/// The most requests of a kind that are tried.
const TRIED: usize = 4;
/// A method that no service has.
const NO_METHOD: &[u8] = b"KEELPROBE";

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let mut seen = Seen::default();
    for (what, request) in attempts(lab) {
        let exchange = lab.http().send(request).await;
        seen.look(&what, &exchange, true);
    }
    for (spec, exchange) in lab.send_mix().await {
        seen.look(&format!("{}, of the mix", spec.name), &exchange, false);
    }
    dependencies_down(lab, &mut seen).await;
    for spec in bodied(lab).iter().filter(|spec| spec.json.is_some()).skip(TRIED) {
        seen.evidence.push(clause::DOCUMENT.gap(format!("malformed JSON to {} was not tried", spec.name)));
    }
    seen.finding(json_spec(lab).is_some() || !matches!(writes(lab).await, Writes::Possible))
}

/// Evidence from the errors so far.
#[derive(Default)]
struct Seen {
    evidence: Vec<Evidence>,
    ids: Vec<String>,
    errors: usize,
    /// Errors of 5xx among them.
    of_server: usize,
}

impl Seen {
    /// Takes an answer; one that is no error says nothing. `must` says that an answer must come.
    fn look(&mut self, what: &str, exchange: &Exchange, must: bool) {
        let Some(status) = exchange.status().map(|status| status.as_u16()) else {
            let told = format!("{what} is not answered at all");
            let piece = if must { clause::DOCUMENT.contradicts(told) } else { clause::DOCUMENT.gap(told) };
            let recipe = Recipe::again(exchange, Shows::Missing("^[1-5]".to_owned()));
            self.evidence.push(piece.with(exchange).reproduced_by(recipe));
            return;
        };
        if status < 400 {
            if must {
                self.evidence
                    .push(clause::DOCUMENT.figure(format!("{what} is no error here: {status}")).with(exchange));
            }
            return;
        }
        let (pieces, id) = examine_error(what, exchange);
        self.errors += 1;
        self.of_server += usize::from(status >= 500);
        // The note on the server's version is the same every time: once will do.
        for piece in pieces {
            if piece.sent.is_some() || !self.evidence.contains(&piece) {
                self.evidence.push(piece);
            }
        }
        self.ids.extend(id);
    }

    /// Builds the finding; `input` is true if malformed input was tried, or the service accepts no input.
    fn finding(mut self, input: bool) -> Finding {
        let distinct: std::collections::HashSet<&String> = self.ids.iter().collect();
        if distinct.len() < self.ids.len() {
            self.evidence.push(clause::REQUEST_ID.contradicts("two errors carry the same request id"));
        }
        let gaps = |what: &str| [clause::DOCUMENT, clause::REQUEST_ID, clause::NO_LEAK].map(|clause| clause.gap(what));
        if self.of_server == 0 {
            self.evidence.extend(gaps(
                "no 5xx was seen: declare a request with `crash = true`, one with `expect = 500`, or `uses` of a dependency",
            ));
        }
        if !input {
            self.evidence.extend(gaps("malformed input was not tried: declare a request with `json` in [[requests]]"));
        }
        if self.errors == 0 {
            return Finding::unknown(ID, "no error could be provoked", self.evidence);
        }
        Finding::judge(ID, self.evidence)
    }
}

/// Returns the requests that provoke errors, with a description of each.
fn attempts(lab: &Lab) -> Vec<(String, Request)> {
    let method = Method::from_bytes(NO_METHOD).unwrap_or(Method::TRACE);
    let mut attempts = vec![
        ("a path that does not exist".to_owned(), Request::get(NOWHERE)),
        ("the same again".to_owned(), Request::get(NOWHERE)),
        ("a method that the path does not have".to_owned(), Request::new(method, lab.harmless().path)),
    ];
    for spec in bodied(lab).iter().filter(|spec| spec.json.is_some()).take(TRIED) {
        let malformed = lab.fill(spec).body(r#"{"broken": "#);
        attempts.push((format!("malformed JSON to {}", spec.name), malformed));
        let mut other = lab.fill(spec);
        other.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        let other = other.header("Content-Type", "text/csv").body("a,b\n1,2\n");
        attempts.push((format!("a body of another media type to {}", spec.name), other));
    }
    let crashes = lab.subject.requests.iter().filter(|spec| spec.crash);
    attempts.extend(crashes.map(|spec| (format!("{}, which crashes its handler", spec.name), lab.fill(spec))));
    attempts
}

/// The errors of requests whose dependency is down.
async fn dependencies_down(lab: &Lab, seen: &mut Seen) {
    let Dependencies::Declared(dependencies) = &lab.subject.dependencies else { return };
    for name in dependencies.iter().map(|dependency| &dependency.name) {
        let users = lab.mix().into_iter().filter(|spec| spec.uses.contains(name)).take(TRIED);
        let Some(proxy) = lab.proxy(name) else {
            seen.evidence
                .push(clause::DOCUMENT.gap(format!("{name} could not be taken down: it is not behind a proxy")));
            continue;
        };
        proxy.set(Fault::Down).await;
        for spec in users {
            let exchange = lab.http().send(lab.fill(&spec)).await;
            seen.look(&format!("{} with {name} down", spec.name), &exchange, false);
        }
        proxy.set(Fault::None).await;
    }
}

/// Judges one error; its request id when it has one.
fn examine_error(what: &str, exchange: &Exchange) -> (Vec<Evidence>, Option<String>) {
    let Some(answer) = exchange.answer() else { return (Vec::new(), None) };
    let status = answer.status.as_u16();
    let body = without_path(&answer.text(), &exchange.request.path);
    let document = answer.json().filter(Value::is_object);
    let id = request_id(exchange, document.as_ref());
    let told = |clause: Clause, faults: Vec<String>, sound: &str| {
        let found = if faults.is_empty() { sound.to_owned() } else { faults.join(", ") };
        let piece = clause.saw(faults.is_empty(), format!("{what} ({status}): {found}")).with(exchange);
        piece.reproduced_by(Recipe::again(exchange, Shows::Found(shown(clause, &body))))
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

/// Returns a regular expression for an error with a fault of this clause.
fn shown(clause: Clause, body: &str) -> String {
    match clause {
        clause::DOCUMENT => r"(?is)^[45](?!.*\ncontent-type: application/problem\+json)".to_owned(),
        clause::REQUEST_ID => r"(?is)^[45](?!.*(request.?id|correlation.?id|trace.?(id|parent)))".to_owned(),
        _ => {
            let leak = LEAKS.iter().find(|(pattern, _)| is_shown(pattern, body));
            leak.map_or("", |(pattern, _)| pattern).to_owned()
        }
    }
}

/// Returns the mistakes in the form of an error.
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

/// The text without the path that was asked for: who has sent it knows it, and `instance` (RFC 9457, 3.1.5) may repeat it.
fn without_path(text: &str, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    if path.len() > 1 { text.replace(path, "") } else { text.to_owned() }
}

/// Returns the leaks in a text.
fn leaks(text: &str) -> Vec<&'static str> {
    LEAKS.iter().filter(|(pattern, _)| is_shown(pattern, text)).map(|(_, what)| *what).collect()
}

fn is_shown(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).expect("the pattern is a literal").is_match(text)
}
