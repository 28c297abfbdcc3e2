//! A response, and its classification as an outcome.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use resilience::{Classify, Outcome};
use serde::de::DeserializeOwned;

use crate::{Error, ResponseBody};

/// The longest wait that a peer can ask for; a longer one counts as this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A whole answer, with any status.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, within the bound.
    pub body: Bytes,
    pub(crate) url: String,
}

impl Response {
    /// An answer without headers, such as a default that a caller gives ([`crate::Call::send_or`]).
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, headers: HeaderMap::new(), body: body.into(), url: "a default".to_owned() }
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when it is not, or not of this shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::Unexpected { url: self.url.clone(), cause: error.to_string() })
    }

    /// Returns the time until the peer accepts a retry, from now on: `Retry-After` (RFC 9110, 10.2.3), seconds or a date.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        let wait = match text.parse() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).unwrap_or_default(),
        };
        Some(wait.min(MAX_RETRY_AFTER))
    }
}

/// An answer with a streamed body, with any status.
#[derive(Debug)]
#[non_exhaustive]
pub struct StreamingResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: ResponseBody,
}

/// Classifies the outcome of a call by its status: 429 and 503 mean that the peer is overloaded; 408 and any other 5xx but 501 and 505 mean that
/// it failed; every other status means that it works. A request that was malformed here, or an answer longer than the caller's own bound, does
/// not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByResponse;

impl Classify<Response, Error> for ByResponse {
    fn classify(&self, result: &Result<Response, Error>) -> Outcome {
        match result {
            Ok(answer) => match answer.status.as_u16() {
                429 | 503 => Outcome::Overload { retry_after: answer.retry_after() },
                501 | 505 => Outcome::Success,
                408 | 500.. => Outcome::Failure,
                _ => Outcome::Success,
            },
            Err(Error::Malformed { .. } | Error::Refused { .. } | Error::TooLarge { .. }) => Outcome::NotCounted,
            Err(_) => Outcome::Failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limit;

    fn answer(status: u16, retry_after: Option<&str>) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(header::RETRY_AFTER, value.parse().expect("a header"));
        }
        let status = StatusCode::from_u16(status).expect("a status");
        Response { status, headers, body: Bytes::new(), url: String::new() }
    }

    #[test]
    fn only_errors_of_the_peer_count_as_its_failures() {
        let said = |status| ByResponse.classify(&Ok(answer(status, None)));
        for status in [200, 204, 302, 304, 400, 401, 403, 404, 409, 422, 501, 505] {
            assert_eq!(said(status), Outcome::Success, "{status}");
        }
        for status in [408, 500, 502, 504, 507, 599] {
            assert_eq!(said(status), Outcome::Failure, "{status}");
        }
        for status in [429, 503] {
            assert_eq!(said(status), Outcome::Overload { retry_after: None }, "{status}");
        }
    }

    #[test]
    fn an_answer_over_the_bound_of_the_caller_does_not_count_against_the_peer() {
        for limit in [Limit::Body(1), Limit::Head { bytes: 1, fields: 1 }] {
            let error = Error::TooLarge { url: String::new(), limit };
            assert_eq!(ByResponse.classify(&Err(error)), Outcome::NotCounted);
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_a_date_and_nonsense_is_left() {
        let wait = |text| answer(503, Some(text)).retry_after();
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("99999999999"), Some(MAX_RETRY_AFTER));
        assert_eq!(wait("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
        let later = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        assert!((98..=100).contains(&wait(&later).expect("a wait").as_secs()));
        for nonsense in ["soon", "-1", "1.5", ""] {
            assert_eq!(wait(nonsense), None, "{nonsense:?}");
        }
    }
}
