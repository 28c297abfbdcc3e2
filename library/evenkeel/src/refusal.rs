//! Problem documents for work that was refused or got no answer.

use std::time::Duration;

use axum::http::StatusCode;
use border::Problem;
#[cfg(feature = "client")]
use client::Error;
use resilience::CpuError;

/// Retry hint for requests refused because of overload.
const LATER: Duration = Duration::from_secs(1);

/// A dependency gave no answer that can be used: 503 when it was not asked, with when to come again; 504 when it took too long; 500 when the call
/// itself is malformed, which is the service's own mistake; else 502.
#[cfg(feature = "client")]
pub(crate) fn of_call(error: &Error) -> Problem {
    match error {
        Error::Refused { after, .. } => {
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "what this needs is not asked at the moment");
            problem.retry_after(after.unwrap_or(LATER))
        }
        Error::Malformed { .. } => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, ""),
        Error::Timeout { .. } => Problem::new(StatusCode::GATEWAY_TIMEOUT, "what this needs gave no answer in time"),
        _ => Problem::new(StatusCode::BAD_GATEWAY, "what this needs gave no answer that can be used"),
    }
}

/// Converts the error of CPU-bound work: 503 when the pool is full, 504 when the time was over.
pub fn problem_of_work(error: &CpuError) -> Problem {
    match error {
        CpuError::Full => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too much is being computed").retry_after(LATER)
        }
        CpuError::Expired(_) | CpuError::Forsaken => {
            Problem::new(StatusCode::GATEWAY_TIMEOUT, "it could not be computed in time")
        }
        _ => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "it was not computed").retry_after(LATER),
    }
}

#[cfg(all(test, feature = "client"))]
mod tests {
    use super::*;

    #[test]
    fn each_error_of_a_call_says_who_is_at_fault() {
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
