//! Prepared refusals: answers to work that cannot be done in time, made once so that each costs little.
//!
//! The same answer exists twice: as a response for the HTTP server, and as bytes of HTTP/1.1 for the socket below it.

use std::sync::LazyLock;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use resilience::admission::Reason;

use crate::headers::{DEFAULTS, REQUEST_ID};
use crate::problem::{self, Problem};

/// Retry-After is one of these many seconds, from 1 on: clients that come back together would be the next overload.
const WAITS: u64 = 3;
/// Length of a request id of ours.
const ID: usize = 32;
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// One prepared answer.
struct Prepared {
    headers: HeaderMap,
    body: Bytes,
    /// The answer as HTTP/1.1 sends it, with zeros in place of the request id and of Retry-After.
    wire: Vec<u8>,
    /// Positions in `wire`.
    id: usize,
    wait: usize,
    end_of_head: usize,
}

static PREPARED: LazyLock<[Prepared; Reason::ALL.len()]> = LazyLock::new(|| Reason::ALL.map(Prepared::new));

fn prepared(reason: Reason) -> &'static Prepared {
    let index = Reason::ALL.iter().position(|one| *one == reason).unwrap_or_default();
    &PREPARED[index]
}

/// Returns what a refused client reads.
pub(crate) const fn detail(reason: Reason) -> &'static str {
    match reason {
        Reason::Hopeless => {
            "the service is overloaded, and the answer would come after its objective; try again after Retry-After"
        }
        Reason::Route => "this route has as much work as it can do in time; try again after Retry-After",
        Reason::Share => {
            "the service is overloaded, and this client asks for more than its share; try again after Retry-After"
        }
        _ => "the service has as much work as it can do in time; try again after Retry-After",
    }
}

/// Returns a number of seconds for Retry-After, each of 1 to 3 as likely.
pub(crate) fn retry_after() -> u64 {
    1 + vitals::entropy() % WAITS
}

/// Builds the problem of a refusal where the request has been routed.
pub(crate) fn problem(reason: Reason) -> Problem {
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail(reason));
    problem.retry_after(Duration::from_secs(retry_after()))
}

/// Builds the response of a refusal. Nothing of it waits for anything.
pub(crate) fn response(reason: Reason, request_id: HeaderValue) -> Response {
    let prepared = prepared(reason);
    let mut response = Response::new(Body::from(prepared.body.clone()));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.clone_from(&prepared.headers);
    headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after()));
    headers.insert(REQUEST_ID, request_id);
    response
}

/// Appends a refusal as bytes of HTTP/1.1 to `answers`. The answer to HEAD has no body. `request_id` has at most 128 visible characters.
pub(crate) fn write(reason: Reason, is_head: bool, request_id: Option<&[u8]>, answers: &mut Vec<u8>) {
    let Prepared { wire, id, wait, end_of_head, .. } = prepared(reason);
    let end = if is_head { *end_of_head } else { wire.len() };
    let start = answers.len();
    match request_id {
        Some(request_id) => {
            answers.extend_from_slice(&wire[..*id]);
            answers.extend_from_slice(request_id);
            answers.extend_from_slice(&wire[id + ID..end]);
        }
        None => {
            answers.extend_from_slice(&wire[..end]);
            let mut bytes = [0; ID / 2];
            vitals::fill_entropy(&mut bytes);
            for (digits, byte) in answers[start + id..start + id + ID].chunks_exact_mut(2).zip(bytes) {
                digits.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
            }
        }
    }
    // The wait comes before the id.
    answers[start + wait] = b'0' + retry_after() as u8;
}

impl Prepared {
    fn new(reason: Reason) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let body = Problem::new(status, detail(reason)).document_without_request().to_string();
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("0"));
        headers.insert(REQUEST_ID, HeaderValue::from_static("00000000000000000000000000000000"));
        headers.insert(header::CONTENT_TYPE, problem::CONTENT_TYPE);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.extend(DEFAULTS.iter().cloned());
        let mut wire = b"HTTP/1.1 503 Service Unavailable\r\n".to_vec();
        let (mut id, mut wait) = (0, 0);
        // In the order of insertion: the id and the wait first.
        for (name, value) in &headers {
            wire.extend_from_slice(name.as_str().as_bytes());
            wire.extend_from_slice(b": ");
            if name == REQUEST_ID {
                id = wire.len();
            } else if name == header::RETRY_AFTER {
                wait = wire.len();
            }
            wire.extend_from_slice(value.as_bytes());
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b"\r\n");
        let end_of_head = wire.len();
        wire.extend_from_slice(body.as_bytes());
        Self { headers, body: body.into(), wire, id, wait, end_of_head }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn parsed(wire: &[u8]) -> (u16, Vec<(String, String)>, usize) {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut answer = httparse::Response::new(&mut headers);
        let length = answer.parse(wire).unwrap().unwrap();
        let fields = answer
            .headers
            .iter()
            .map(|field| (field.name.to_ascii_lowercase(), String::from_utf8_lossy(field.value).into_owned()));
        (answer.code.unwrap(), fields.collect(), length)
    }

    #[tokio::test]
    async fn the_bytes_say_the_same_as_the_response() {
        for reason in Reason::ALL {
            let mut wire = Vec::new();
            write(reason, false, Some(b"abc"), &mut wire);
            let (status, fields, head) = parsed(&wire);
            let response = response(reason, HeaderValue::from_static("abc"));
            assert_eq!(status, response.status().as_u16());
            assert_eq!(fields.len(), response.headers().len());
            for (name, value) in fields {
                if name == "retry-after" {
                    assert!(["1", "2", "3"].contains(&value.as_str()), "{value}");
                } else {
                    assert_eq!(response.headers()[&name], value, "{name}");
                }
            }
            assert_eq!(wire[head..], response.into_body().collect().await.unwrap().to_bytes());
        }
    }

    #[test]
    fn each_answer_has_an_id_of_its_own_and_that_to_head_has_no_body() {
        let mut wire = Vec::new();
        write(Reason::ALL[0], true, None, &mut wire);
        let (_, first, head) = parsed(&wire);
        assert_eq!(head, wire.len());
        write(Reason::ALL[0], true, None, &mut wire);
        let (_, second, _) = parsed(&wire[head..]);
        let id =
            |fields: &[(String, String)]| fields.iter().find(|(name, _)| name == "x-request-id").unwrap().1.clone();
        assert_eq!(id(&first).len(), ID);
        assert_ne!(id(&first), id(&second));
    }

    #[test]
    fn retry_after_is_spread_over_three_seconds() {
        let waits: std::collections::BTreeSet<u64> = (0..200).map(|_| retry_after()).collect();
        assert_eq!(waits, (1..=3).collect());
    }
}
