//! Preconditions of a request (RFC 9110, 13): what a reader has already, and what a writer has seen.

use std::convert::Infallible;
use std::time::SystemTime;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};

use crate::Problem;
use crate::entity_tag::{self, Comparison};

/// Preconditions of a write: an extractor. The handler compares them with the entity tag of what it would change, inside its transaction.
///
/// The border itself evaluates the preconditions of GET and HEAD. With [`RouteRules::if_match`](crate::RouteRules::if_match) a write without
/// `If-Match` is refused (428).
///
/// ```
/// use evenkeel_border::{Preconditions, Problem};
///
/// async fn rename(conditions: Preconditions) -> Result<&'static str, Problem> {
///     let current = "\"v7\"";
///     conditions.check(Some(current))?;
///     Ok("renamed")
/// }
/// # let _: axum::Router = axum::Router::new().route("/name", axum::routing::put(rename));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Preconditions {
    headers: HeaderMap,
}

impl Preconditions {
    /// Checks the preconditions against the entity tag of what is there, in its quotes; none where there is nothing.
    ///
    /// # Errors
    /// 412 when `If-Match` does not name the tag, or `If-None-Match` names it.
    pub fn check(&self, current: Option<&str>) -> Result<(), Problem> {
        let matches = entity_tag::names(&self.headers, &header::IF_MATCH, current, Comparison::Strong);
        if matches == Some(false) {
            return Err(failed("If-Match does not name the current state; read it again"));
        }
        let none_matches = entity_tag::names(&self.headers, &header::IF_NONE_MATCH, current, Comparison::Weak);
        match none_matches {
            Some(true) => Err(failed("If-None-Match names the current state; it is there already")),
            _ => Ok(()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Preconditions {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self { headers: of(&parts.headers) })
    }
}

/// Copies the preconditions of a request.
pub(crate) fn of(headers: &HeaderMap) -> HeaderMap {
    let names = [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_UNMODIFIED_SINCE];
    let mut copied = HeaderMap::new();
    for name in names {
        for value in headers.get_all(&name) {
            copied.append(name.clone(), value.clone());
        }
    }
    copied
}

/// Outcome of the preconditions of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The answer is sent.
    Answer,
    /// The client has it already: 304.
    NotModified,
    /// It is not what the client expects: 412.
    Failed,
}

/// Evaluates the preconditions of GET or HEAD against the validators of the answer, in the order of RFC 9110, 13.2.2.
pub(crate) fn evaluate(conditions: &HeaderMap, validators: &HeaderMap) -> Outcome {
    let tag = validators.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    let modified = date(validators, &header::LAST_MODIFIED);
    match entity_tag::names(conditions, &header::IF_MATCH, tag, Comparison::Strong) {
        Some(false) => return Outcome::Failed,
        Some(true) => {}
        None => {
            if let Some((since, modified)) = date(conditions, &header::IF_UNMODIFIED_SINCE).zip(modified)
                && modified > since
            {
                return Outcome::Failed;
            }
        }
    }
    match entity_tag::names(conditions, &header::IF_NONE_MATCH, tag, Comparison::Weak) {
        Some(true) => Outcome::NotModified,
        Some(false) => Outcome::Answer,
        None => match date(conditions, &header::IF_MODIFIED_SINCE).zip(modified) {
            Some((since, modified)) if modified <= since => Outcome::NotModified,
            _ => Outcome::Answer,
        },
    }
}

/// The problem of a precondition that does not hold.
pub(crate) fn failed(detail: &str) -> Problem {
    Problem::new(StatusCode::PRECONDITION_FAILED, detail)
}

fn date(headers: &HeaderMap, name: &header::HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const OLD: &str = "Sun, 01 Nov 2026 00:00:00 GMT";
    const NEW: &str = "Mon, 02 Nov 2026 00:00:00 GMT";

    fn map(fields: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_preconditions_of_a_read_are_evaluated_in_the_order_of_the_standard() {
        use header::{ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, LAST_MODIFIED};
        let validators = map(&[(ETAG, "\"a\""), (LAST_MODIFIED, NEW)]);
        for (conditions, expected) in [
            (map(&[]), Outcome::Answer),
            (map(&[(IF_NONE_MATCH, "\"a\"")]), Outcome::NotModified),
            (map(&[(IF_NONE_MATCH, "W/\"a\"")]), Outcome::NotModified),
            (map(&[(IF_NONE_MATCH, "\"b\"")]), Outcome::Answer),
            // The tag decides where there is one.
            (map(&[(IF_NONE_MATCH, "\"b\""), (IF_MODIFIED_SINCE, NEW)]), Outcome::Answer),
            (map(&[(IF_MODIFIED_SINCE, NEW)]), Outcome::NotModified),
            (map(&[(IF_MODIFIED_SINCE, OLD)]), Outcome::Answer),
            (map(&[(IF_MODIFIED_SINCE, "yesterday")]), Outcome::Answer),
            (map(&[(IF_MATCH, "\"b\"")]), Outcome::Failed),
            (map(&[(IF_MATCH, "\"b\""), (IF_NONE_MATCH, "\"a\"")]), Outcome::Failed),
            (map(&[(IF_MATCH, "\"a\"")]), Outcome::Answer),
            (map(&[(IF_UNMODIFIED_SINCE, OLD)]), Outcome::Failed),
            (map(&[(IF_UNMODIFIED_SINCE, NEW)]), Outcome::Answer),
        ] {
            assert_eq!(evaluate(&conditions, &validators), expected, "{conditions:?}");
        }
        assert_eq!(evaluate(&map(&[(IF_NONE_MATCH, "\"a\"")]), &map(&[])), Outcome::Answer);
    }

    #[test]
    fn a_write_is_refused_when_what_it_changes_is_not_what_its_client_has_seen() {
        let check = |name: header::HeaderName, value: &'static str, current: Option<&str>| {
            let conditions = Preconditions { headers: map(&[(name, value)]) };
            conditions.check(current).map_err(|problem| problem.status().as_u16())
        };
        assert_eq!(check(header::IF_MATCH, "\"a\"", Some("\"a\"")), Ok(()));
        assert_eq!(check(header::IF_MATCH, "\"a\"", Some("\"b\"")), Err(412));
        assert_eq!(check(header::IF_MATCH, "*", None), Err(412));
        assert_eq!(check(header::IF_NONE_MATCH, "*", None), Ok(()));
        assert_eq!(check(header::IF_NONE_MATCH, "*", Some("\"a\"")), Err(412));
        assert_eq!(Preconditions::default().check(Some("\"a\"")), Ok(()));
    }
}
