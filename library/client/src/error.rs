//! The errors of a call.

use std::time::Duration;

use resilience::CallError;
use resilience::policy::Guard;

/// Error of a call without an answer. URLs are without credentials and query.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A guard of the peer's policy refused it, or the client has too many calls at once.
    #[error("{url} was not called: {why}{}", after.map_or_else(String::new, |after| format!("; worth another attempt in {after:.1?}")))]
    Refused {
        /// URL of the call.
        url: String,
        /// Guard that refused, and its policy.
        why: String,
        /// Time until a retry is worthwhile, from now on.
        after: Option<Duration>,
        /// Error of the attempt before; without one nothing was sent.
        cause: Option<Box<Error>>,
    },
    /// No connection could be made; nothing was sent.
    #[error("cannot connect to {url}: {cause}")]
    Connect {
        /// URL of the call.
        url: String,
        /// Cause, in words.
        cause: String,
    },
    /// A bound passed; whether the other side did the work is not known.
    #[error("{url} gave no {what} within {bound:?}")]
    Timeout {
        /// URL of the call.
        url: String,
        /// `first byte`, `next part of its answer` or `whole answer`.
        what: &'static str,
        /// The bound.
        bound: Duration,
    },
    /// The connection broke, or the answer is not HTTP; the other side may have done the work.
    #[error("{url} broke off its answer: {cause}")]
    Broken {
        /// URL of the call.
        url: String,
        /// Cause, in words.
        cause: String,
    },
    /// The answer was longer than the caller's own bound; reading stopped there. Such a call is not repeated, and does not count against the
    /// peer.
    #[error("{url} answered more than {limit}")]
    TooLarge {
        /// URL of the call.
        url: String,
        /// The bound.
        limit: Limit,
    },
    /// The answer has an unexpected form.
    #[error("{url} answered something else than expected: {cause}")]
    Unexpected {
        /// URL of the call.
        url: String,
        /// Problem, in words.
        cause: String,
    },
    /// The call itself is malformed: a header or a URL that HTTP cannot carry, a group of callers that the peer's rules do not name.
    #[error("cannot make a call to {url}: {cause}")]
    Malformed {
        /// URL of the call.
        url: String,
        /// Problem, in words.
        cause: String,
    },
}

/// A bound of the caller on the size of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// Limit of the body, in bytes.
    #[error("{0} bytes in its body (Bounds::answer_bytes)")]
    Body(usize),
    /// Limits of the head; over HTTP/1 it has both.
    #[error("{bytes} bytes (Bounds::head_bytes) or {fields} fields (Bounds::head_fields) in its head")]
    Head {
        /// Bytes.
        bytes: usize,
        /// Header fields.
        fields: usize,
    },
}

impl Error {
    /// Returns true when it is certain that the other side did nothing, so that any call may be repeated.
    pub fn nothing_was_sent(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Malformed { .. } => true,
            Self::Refused { cause, .. } => cause.as_ref().is_none_or(|cause| cause.nothing_was_sent()),
            _ => false,
        }
    }

    /// One word for logs and vitals, without the peer's name.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Connect { .. } => "connect",
            Self::Timeout { .. } => "timeout",
            Self::Broken { .. } => "broken",
            Self::TooLarge { .. } => "too large",
            Self::Unexpected { .. } => "unexpected",
            Self::Malformed { .. } => "malformed",
        }
    }

    /// Converts the error of the peer's policy.
    pub(crate) fn guarded(url: &str, error: CallError<Self>) -> Self {
        let url = url.to_owned();
        match error {
            CallError::Failed { cause, .. } => cause,
            CallError::Refused { policy, guard, retry_after, cause } => {
                let why = match guard {
                    Guard::RateLimit => format!("more calls to {policy} than its rate limit allows"),
                    Guard::Bulkhead => format!("all permits for calls to {policy} are taken"),
                    Guard::Breaker => format!("the circuit breaker of {policy} is open"),
                    Guard::Throttle => format!("{policy} refuses most calls, so the throttle refused this one"),
                    other => format!("{other:?} of {policy} refuses it"),
                };
                Self::Refused { url, why, after: retry_after, cause: cause.map(Box::new) }
            }
            CallError::TimedOut { within, .. } | CallError::Expired { within, .. } => {
                Self::Timeout { url, what: "whole answer", bound: whole_millis(within) }
            }
            // A call gives an answer as it is, also one that counts as a failure.
            other => Self::Unexpected { url, cause: other.to_string() },
        }
    }
}

/// Rounds the remaining time of a bound to milliseconds, for people: the microseconds since it was set are rounded off.
pub(crate) fn whole_millis(left: Duration) -> Duration {
    Duration::from_millis(u64::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u64::MAX))
}

pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
