//! Deadline of a request: the border's own bound, or a shorter one that the caller sends (`grpc-timeout`).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, StatusCode};
use resilience::decode_timeout;
use tokio::time::Instant;

use crate::{Limits, Problem};

const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Time budget of a request, and the side that set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub(crate) time: Duration,
    /// True when the caller shortened it.
    by_caller: bool,
}

impl Allowed {
    /// The border's own bound.
    pub(crate) fn of(limits: &Limits) -> Self {
        Self { time: limits.deadline, by_caller: false }
    }

    /// Returns true when the caller's own time is over.
    pub(crate) fn ended_by_caller(&self, started: Instant) -> bool {
        self.by_caller && started.elapsed() >= self.time
    }

    /// Builds the answer of a request that ran out of time. The border's own bound is the service's failure (504); a bound that the caller set
    /// is the caller's doing (408). Otherwise a client could make the service fail by asking for an answer in a nanosecond.
    pub(crate) fn expired(&self) -> Problem {
        let (status, whose) = match self.by_caller {
            true => (StatusCode::REQUEST_TIMEOUT, ", which the caller allows (grpc-timeout)"),
            false => (StatusCode::GATEWAY_TIMEOUT, ""),
        };
        Problem::new(status, format!("the answer was not ready within {:?}{whose}; the work was cancelled", self.time))
    }
}

/// Computes the time budget of a request: a caller can shorten the border's own bound, and never lengthen it. A time that is over already is
/// refused before any work starts.
pub(crate) fn allowed(headers: &HeaderMap, limits: &Limits, started: Instant) -> Result<Allowed, Problem> {
    let own = Allowed::of(limits);
    if !limits.hears_deadline {
        return Ok(own);
    }
    let mut values = headers.get_all(TIMEOUT).iter();
    let refused = |why: &str| Err(Problem::new(StatusCode::BAD_REQUEST, format!("the header grpc-timeout: {why}")));
    match (values.next(), values.next()) {
        (None, _) => Ok(own),
        (Some(_), Some(_)) => refused("is there more than once"),
        (Some(value), None) => match decode_timeout(value.to_str().unwrap_or_default()) {
            Ok(time) if time < own.time => {
                let allowed = Allowed { time, by_caller: true };
                if allowed.ended_by_caller(started) { Err(allowed.expired()) } else { Ok(allowed) }
            }
            Ok(_) => Ok(own),
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
        let limits = Limits { deadline: OWN, ..Limits::default() };
        let allowed = allowed(&headers, &limits, Instant::now()).map_err(|problem| problem.status())?;
        assert_eq!(allowed.by_caller, allowed.time < OWN);
        Ok(allowed.time)
    }

    #[test]
    fn a_caller_can_shorten_the_time_and_never_lengthen_it() {
        assert_eq!(allowed_by(&[]), Ok(OWN));
        assert_eq!(allowed_by(&["250m"]), Ok(Duration::from_millis(250)));
        assert_eq!(allowed_by(&["1H"]), Ok(OWN));
    }

    #[test]
    fn a_malformed_or_repeated_timeout_is_refused() {
        for nonsense in [&["soon"][..], &["-1S"], &[""], &["1S", "2S"]] {
            assert_eq!(allowed_by(nonsense), Err(StatusCode::BAD_REQUEST), "{nonsense:?}");
        }
    }

    #[test]
    fn a_time_that_is_over_already_is_refused_as_the_callers_doing() {
        for over in ["1n", "0m", "0H"] {
            assert_eq!(allowed_by(&[over]), Err(StatusCode::REQUEST_TIMEOUT), "{over}");
        }
    }
}
