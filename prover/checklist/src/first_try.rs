//! The first try of the declared requests: each is sent once before any probe runs, and its answer is compared with the
//! declaration. A probe that attacks a request which never worked finds out nothing.

use std::fmt;

use keel_wire::http::Exchange;
use serde::{Deserialize, Serialize};

use crate::lab::Lab;
use crate::subject::RequestSpec;

/// The most characters of an answer that are shown.
const SHOWN: usize = 120;

/// The outcome of the first try.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct FirstTry {
    /// The number of declared requests.
    pub declared: usize,
    /// The number of requests that were sent.
    pub sent: usize,
    /// The names of those that were not sent, as they are declared slow or to crash.
    pub left_out: Vec<String>,
    /// The requests that were not answered as declared.
    pub departures: Vec<Departure>,
}

/// A request that was not answered as declared.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Departure {
    /// The name of the request.
    pub name: String,
    /// Method and path, as they were sent.
    pub request: String,
    /// The answer that is declared.
    pub expected: String,
    /// The answer that came.
    pub answer: String,
    /// A remedy.
    pub advice: String,
}

impl FirstTry {
    /// Completes the try that the first start of the subject began: sends the heavy requests too, and compares the answers.
    pub(crate) async fn of(lab: &mut Lab) -> Self {
        let mut sent = std::mem::take(&mut lab.tried);
        let heavy = lab.subject.requests.iter().filter(|spec| spec.heavy && !spec.slow && !spec.crash);
        for spec in heavy.cloned().collect::<Vec<_>>() {
            let exchange = lab.http().send(lab.fill(&spec)).await;
            sent.push((spec, exchange));
        }
        let left_out = lab.subject.requests.iter().filter(|spec| spec.slow || spec.crash);
        Self {
            declared: lab.subject.requests.len(),
            sent: sent.len(),
            left_out: left_out.map(|spec| spec.name.clone()).collect(),
            departures: sent.iter().flat_map(|(spec, exchange)| departures(spec, exchange)).collect(),
        }
    }
}

impl fmt::Display for Departure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, request, expected, answer, advice } = self;
        write!(to, "{name} ({request}): expected {expected}, was answered {answer}; {advice}")
    }
}

/// The differences between the declaration of a request and its answer: its status, else the values that are to be saved.
fn departures(spec: &RequestSpec, exchange: &Exchange) -> Vec<Departure> {
    let departure = |expected: String, answer: String, advice: String| Departure {
        name: spec.name.clone(),
        request: format!("{} {}", exchange.request.method, exchange.request.path),
        expected,
        answer,
        advice,
    };
    match exchange.status().map(|status| status.as_u16()) {
        Some(status) if spec.expects(status) => {
            let saved = Lab::saved_of(spec, exchange);
            let missing = spec.save.iter().filter(|(name, _)| !saved.contains_key(*name));
            let told = missing.map(|(name, pointer)| {
                let advice = format!(
                    "correct the JSON pointer in `save`, or requests with {{{name}}} are sent as they are written"
                );
                departure(format!("a value at {pointer:?} to save as {name}"), told(exchange), advice)
            });
            told.collect()
        }
        other => {
            let expected = spec.expect.map_or_else(|| "a status below 400".to_owned(), |status| status.to_string());
            vec![departure(expected, told(exchange), advice(other))]
        }
    }
}

/// The status and the beginning of the body, on one line.
fn told(exchange: &Exchange) -> String {
    let Some(answer) = exchange.answer() else { return exchange.came_back() };
    let status = answer.status.as_u16();
    let media_type = answer.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if media_type.is_some_and(|media_type| media_type.starts_with("text/html")) {
        // A page begins with what nobody needs to read.
        return format!("{status} with a page of {} bytes", answer.body_length);
    }
    let body = String::from_utf8_lossy(&answer.body);
    let words = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = words.chars().take(SHOWN).collect();
    let more = if words.chars().count() > SHOWN { "\u{2026}" } else { "" };
    if shown.is_empty() { format!("{status} without a body") } else { format!("{status} {shown}{more}") }
}

/// The usual remedy for a status that was not declared.
fn advice(status: Option<u16>) -> String {
    let remedy = match status {
        None => return "read the output of the service, or raise `deadline`".to_owned(),
        Some(400 | 422) => "correct `json`, `body` or `path`",
        Some(401 | 403 | 407) => "give credentials in `headers`",
        Some(404 | 405 | 410) => "correct `method` and `path`",
        Some(406 | 415) => "give the media types in `headers`",
        Some(429) => "let the service take keel's requests",
        Some(500..) => "read the output of the service",
        Some(_) => "correct the request",
    };
    let status = status.unwrap_or_default();
    format!("{remedy}, or say `expect = {status}` where that is right")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, StatusCode};
    use keel_wire::http::{Answer, Failure, Request};

    use super::*;

    fn answered(outcome: Result<(u16, &str), Failure>) -> Exchange {
        let outcome = outcome.map(|(status, body)| Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.to_owned().into(),
            body_length: body.len() as u64,
            first_byte: Duration::ZERO,
        });
        Exchange { request: Request::get("/v1/accounts"), outcome, took: Duration::ZERO }
    }

    fn spec() -> RequestSpec {
        RequestSpec {
            name: "look".to_owned(),
            path: "/v1/accounts".to_owned(),
            save: [("account".to_owned(), "/id".to_owned())].into(),
            ..RequestSpec::default()
        }
    }

    #[test]
    fn an_answer_as_declared_is_no_departure() {
        assert_eq!(departures(&spec(), &answered(Ok((200, "{\"id\": 7}")))), []);
        let expects = RequestSpec { expect: Some(404), save: Default::default(), ..spec() };
        assert_eq!(departures(&expects, &answered(Ok((404, "")))), []);
    }

    #[test]
    fn another_status_is_reported_with_the_request_the_expectation_the_answer_and_a_remedy() {
        let told = departures(&spec(), &answered(Ok((401, "who\n are you")))).remove(0).to_string();
        assert_eq!(
            told,
            "look (GET /v1/accounts): expected a status below 400, was answered 401 who are you; give credentials in \
             `headers`, or say `expect = 401` where that is right"
        );
        let created = RequestSpec { expect: Some(201), ..spec() };
        assert!(
            departures(&created, &answered(Ok((200, ""))))[0]
                .to_string()
                .contains("expected 201, was answered 200 without a body")
        );
    }

    #[test]
    fn a_page_is_reported_by_its_length() {
        let mut exchange = answered(Ok((404, "<!DOCTYPE html><title>Nothing</title>")));
        if let Ok(answer) = &mut exchange.outcome {
            answer.headers.insert("content-type", "text/html; charset=utf-8".parse().unwrap());
        }
        assert_eq!(departures(&spec(), &exchange)[0].answer, "404 with a page of 37 bytes");
    }

    #[test]
    fn no_answer_is_a_departure() {
        let told = departures(&spec(), &answered(Err(Failure::Broken("reset".to_owned())))).remove(0).to_string();
        assert!(told.contains("reset") && told.contains("read the output of the service"), "{told}");
    }

    #[test]
    fn a_value_that_cannot_be_saved_is_a_departure_although_the_status_is_right() {
        let told = departures(&spec(), &answered(Ok((200, "[]")))).remove(0);
        assert_eq!(told.expected, "a value at \"/id\" to save as account");
        assert!(told.advice.contains("{account}"), "{}", told.advice);
    }
}
