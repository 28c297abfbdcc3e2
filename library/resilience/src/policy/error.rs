//! The errors of a call under a policy.

use std::sync::Arc;
use std::time::Duration;

use super::boxed::BoxedError;
use crate::retry::Stop;

/// A guard that can refuse a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Guard {
    /// Too many calls in too short a time.
    RateLimit,
    /// Too many calls at a time.
    Bulkhead,
    /// The callee is left alone.
    Breaker,
    /// The callee refuses most calls.
    Throttle,
}

/// A bound in time that ended a call or an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Bound {
    /// The deadline of the task that made the call, for example of the request that it works for
    /// ([`Deadline::current`](crate::Deadline::current)).
    TaskDeadline,
    /// [`Rules::deadline`](super::Rules::deadline).
    PolicyDeadline,
    /// [`TimeoutRules::at_most`](super::TimeoutRules::at_most), the longest that one attempt may take.
    AttemptTimeout,
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TaskDeadline => "the deadline of the request",
            Self::PolicyDeadline => "the deadline of its policy",
            Self::AttemptTimeout => "the timeout of an attempt",
        })
    }
}

/// Error of a call without an answer: the guard and its policy, and the result of the last attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError<E> {
    /// A guard refused it; this attempt was not made.
    Refused {
        /// The policy's name.
        policy: Arc<str>,
        /// Guard that refused.
        guard: Guard,
        /// Time until a retry is worthwhile, from now on.
        retry_after: Option<Duration>,
        /// Error of the attempt before.
        cause: Option<E>,
    },
    /// The last attempt failed.
    Failed {
        /// The policy's name.
        policy: Arc<str>,
        /// Number of attempts.
        attempts: u32,
        /// Reason why no other attempt was made.
        stop: Stop,
        /// Error of the last attempt.
        cause: E,
    },
    /// The last attempt was answered, and the answer counts as a failure by the policy's classification. Only
    /// [`Policy::call_or`](super::Policy::call_or) and [`Policy::call_or_stale`](super::Policy::call_or_stale) report it as an error; other
    /// calls give such an answer as `Ok`.
    BadAnswer {
        /// The policy's name.
        policy: Arc<str>,
        /// Number of attempts.
        attempts: u32,
        /// Reason why no other attempt was made.
        stop: Stop,
    },
    /// The last attempt was not over in its time.
    TimedOut {
        /// The policy's name.
        policy: Arc<str>,
        /// Number of attempts.
        attempts: u32,
        /// Bound that ended the last attempt.
        bound: Bound,
        /// The length of that bound.
        within: Duration,
        /// Reason why no other attempt was made.
        stop: Stop,
        /// Error of the attempt before.
        cause: Option<E>,
    },
    /// The deadline passed before this attempt began.
    Expired {
        /// The policy's name.
        policy: Arc<str>,
        /// Number of attempts.
        attempts: u32,
        /// Deadline that passed.
        bound: Bound,
        /// Remaining time when the call began.
        within: Duration,
        /// Error of the last attempt.
        cause: Option<E>,
    },
}

impl<E> CallError<E> {
    /// Returns the error of the last attempt that failed by itself.
    pub fn cause(&self) -> Option<&E> {
        match self {
            Self::Failed { cause, .. } => Some(cause),
            Self::BadAnswer { .. } => None,
            Self::Refused { cause, .. } | Self::TimedOut { cause, .. } | Self::Expired { cause, .. } => cause.as_ref(),
        }
    }
}

impl<E> CallError<E> {
    /// Returns the same error with another cause.
    pub fn map_cause<F>(self, change: impl FnOnce(E) -> F) -> CallError<F> {
        match self {
            Self::Refused { policy, guard, retry_after, cause } => {
                CallError::Refused { policy, guard, retry_after, cause: cause.map(change) }
            }
            Self::Failed { policy, attempts, stop, cause } => {
                CallError::Failed { policy, attempts, stop, cause: change(cause) }
            }
            Self::BadAnswer { policy, attempts, stop } => CallError::BadAnswer { policy, attempts, stop },
            Self::TimedOut { policy, attempts, bound, within, stop, cause } => {
                CallError::TimedOut { policy, attempts, bound, within, stop, cause: cause.map(change) }
            }
            Self::Expired { policy, attempts, bound, within, cause } => {
                CallError::Expired { policy, attempts, bound, within, cause: cause.map(change) }
            }
        }
    }

    /// Returns the same error with its cause in a box: an [`Error`](std::error::Error) even if the cause is a `Box<dyn Error>`.
    pub fn boxed(self) -> CallError<BoxedError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.map_cause(BoxedError::new)
    }
}

impl<E: std::fmt::Display> std::fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused { policy, guard, retry_after, .. } => {
                let why = match guard {
                    Guard::RateLimit => "its rate limit is reached",
                    Guard::Bulkhead => "its bulkhead is full",
                    Guard::Breaker => "its circuit breaker is open",
                    Guard::Throttle => "it refuses most calls",
                };
                write!(f, "{policy} was not called: {why}")?;
                if let Some(after) = retry_after {
                    write!(f, "; worth another attempt in {after:.1?}")?;
                }
            }
            Self::Failed { policy, attempts, .. } => write!(f, "{policy} failed after {}", Tries(*attempts))?,
            Self::BadAnswer { policy, attempts, .. } => {
                write!(f, "{policy} gave an answer that counts as a failure, after {}", Tries(*attempts))?;
            }
            Self::TimedOut { policy, attempts, bound, within, stop, .. } => {
                let tries = Tries(*attempts);
                write!(f, "{policy} did not answer within {within:.1?}, {bound}, after {tries}; no other one: {stop}")?;
            }
            Self::Expired { policy, attempts, bound, within, .. } => {
                write!(f, "{policy}: {bound}, {within:.1?}, passed after {}", Tries(*attempts))?;
            }
        }
        self.cause().map_or(Ok(()), |cause| write!(f, "; the last cause: {cause}"))
    }
}

impl<E: std::error::Error + 'static> std::error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause().map(|cause| cause as _)
    }
}

/// A number of attempts in words.
struct Tries(u32);

impl std::fmt::Display for Tries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(number) = self;
        write!(f, "{number} {}", if *number == 1 { "attempt" } else { "attempts" })
    }
}
