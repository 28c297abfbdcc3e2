//! The errors of a call.

use std::time::Duration;

use resilience::CallError;
use resilience::policy::Guard;

use crate::bounds::whole_millis;

/// Why a call has no answer. URLs are without credentials and query.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// A guard of the peer's policy refused it, or the client has too many calls at once.
    #[error("{url} was not called: {why}{}", after.map_or_else(String::new, |after| format!("; worth another attempt in {after:.1?}")))]
    Refused {
        /// Where to.
        url: String,
        /// Which guard, and of which policy.
        why: String,
        /// When it is worth asking again, from now on.
        after: Option<Duration>,
        /// What the attempt before failed with; without one nothing was sent.
        cause: Option<Box<Error>>,
    },
    /// No connection could be made; nothing was sent.
    #[error("cannot connect to {url}: {cause}")]
    Connect {
        /// Where to.
        url: String,
        /// Why.
        cause: String,
    },
    /// A bound passed; whether the other side did the work is not known.
    #[error("{url} gave no {what} within {bound:?}")]
    Timeout {
        /// Where to.
        url: String,
        /// `first byte`, `next part of its answer` or `whole answer`.
        what: &'static str,
        /// The bound.
        bound: Duration,
    },
    /// The connection broke, or what came is not HTTP; whether the other side did the work is not known.
    #[error("{url} broke off its answer: {cause}")]
    Broken {
        /// Where to.
        url: String,
        /// Why.
        cause: String,
    },
    /// The answer was longer than the bound; reading stopped there.
    #[error("{url} answered more than {bound} bytes")]
    TooLarge {
        /// Where to.
        url: String,
        /// The bound.
        bound: usize,
    },
    /// The answer is not what was asked for.
    #[error("{url} answered something else than expected: {cause}")]
    Unexpected {
        /// Where to.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The call itself is malformed: a header or a URL that HTTP cannot carry, a group of callers that the peer's rules do not name.
    #[error("cannot make a call to {url}: {cause}")]
    Malformed {
        /// Where to.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
}

impl Error {
    /// Whether it is certain that the other side did nothing, so that any call may be repeated.
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

    /// What the peer's policy made of the call.
    pub(crate) fn guarded(url: &str, error: CallError<Self>) -> Self {
        let url = url.to_owned();
        match error {
            CallError::Failed { cause, .. } => cause,
            CallError::Refused { policy, guard, retry_after, cause } => {
                let why = match guard {
                    Guard::RateLimit => format!("more calls to {policy} than its rate limit allows"),
                    Guard::Bulkhead => format!("all permits for calls to {policy} are taken"),
                    Guard::Breaker => format!("the circuit breaker of {policy} is open"),
                    Guard::Throttle => format!("{policy} refuses most of what it is asked, so it was not asked"),
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
