//! When a request's work ends: by the border's own bound, or sooner when the caller says that it waits less (`grpc-timeout`).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, StatusCode};
use resilience::decode_timeout;

use crate::{Limits, Problem};

const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// How long the work of this request may take: a caller can shorten the border's own bound, and never lengthen it.
pub(crate) fn allowed(headers: &HeaderMap, limits: &Limits) -> Result<Duration, Problem> {
    let own = limits.deadline;
    if !limits.hears_deadline {
        return Ok(own);
    }
    let mut values = headers.get_all(TIMEOUT).iter();
    let refused = |why: &str| Err(Problem::new(StatusCode::BAD_REQUEST, format!("the header grpc-timeout: {why}")));
    match (values.next(), values.next()) {
        (None, _) => Ok(own),
        (Some(_), Some(_)) => refused("is there more than once"),
        (Some(value), None) => match decode_timeout(value.to_str().unwrap_or_default()) {
            Ok(timeout) => Ok(timeout.min(own)),
            Err(why) => refused(&why.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Duration = Duration::from_secs(30);

    fn allowed_by(values: &[&str]) -> Result<Duration, StatusCode> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TIMEOUT, value.parse().expect("a header"));
        }
        allowed(&headers, &Limits { deadline: OWN, ..Limits::default() }).map_err(|problem| problem.status())
    }

    #[test]
    fn a_caller_can_shorten_the_time_and_never_lengthen_it() {
        assert_eq!(allowed_by(&[]), Ok(OWN));
        assert_eq!(allowed_by(&["250m"]), Ok(Duration::from_millis(250)));
        assert_eq!(allowed_by(&["1H"]), Ok(OWN));
    }

    #[test]
    fn a_time_that_is_none_or_said_twice_is_refused() {
        for nonsense in [&["soon"][..], &["-1S"], &[""], &["1S", "2S"]] {
            assert_eq!(allowed_by(nonsense), Err(StatusCode::BAD_REQUEST), "{nonsense:?}");
        }
    }
}
