//! Problem documents for refused work and unanswered calls.

use std::time::Duration;

use axum::http::StatusCode;
use border::Problem;
#[cfg(feature = "client")]
use client::Error;
use resilience::CpuError;

/// Retry hint for requests refused because of overload.
const LATER: Duration = Duration::from_secs(1);

/// Returns the problem document for a dependency without a usable answer: 503 with `Retry-After` when a guard refused the call; 504 when it took
/// too long; 500 when the call itself is malformed, which is the service's own mistake; else 502.
#[cfg(feature = "client")]
pub(crate) fn of_call(error: &Error) -> Problem {
    match error {
        Error::Refused { after, .. } => {
            let problem = Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "a dependency of this request is not called at the moment; retry later",
            );
            problem.retry_after(after.unwrap_or(LATER))
        }
        Error::Malformed { .. } => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, ""),
        Error::Timeout { .. } => {
            Problem::new(StatusCode::GATEWAY_TIMEOUT, "a dependency of this request gave no answer in time")
        }
        _ => Problem::new(StatusCode::BAD_GATEWAY, "a dependency of this request gave no usable answer"),
    }
}

/// Converts the error of CPU-bound work: 503 when the pool is full, 504 when the time was over. It is in the report of the failed request.
#[track_caller]
pub fn problem_of_work(error: &CpuError) -> Problem {
    telemetry::errors::note_error(error);
    match error {
        CpuError::Full => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the CPU pool is full; retry later").retry_after(LATER)
        }
        CpuError::Expired(_) | CpuError::Forsaken => {
            Problem::new(StatusCode::GATEWAY_TIMEOUT, "the computation did not finish in time")
        }
        _ => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the computation was not done; retry later")
            .retry_after(LATER),
    }
}

#[cfg(all(test, feature = "client"))]
mod tests {
    use super::*;

    #[test]
    fn each_error_of_a_call_maps_to_the_status_of_the_side_at_fault() {
        let (url, cause) = ("http://bank/".to_owned(), "it is so".to_owned());
        let limit = client::Limit::Body(1);
        for (error, status) in [
            (Error::Refused { url: url.clone(), why: cause.clone(), after: None, cause: None }, 503),
            (Error::Connect { url: url.clone(), cause: cause.clone() }, 502),
            (Error::Timeout { url: url.clone(), what: "first byte", bound: LATER }, 504),
            (Error::Broken { url: url.clone(), cause: cause.clone() }, 502),
            (Error::TooLarge { url: url.clone(), limit }, 502),
            (Error::Unexpected { url: url.clone(), cause: cause.clone() }, 502),
            (Error::Malformed { url, cause }, 500),
        ] {
            assert_eq!(of_call(&error).status(), status, "{error}");
        }
    }
}
