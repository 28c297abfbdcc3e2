//! The outcome of a call, as every guard sees it.

use std::time::Duration;

/// Outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The callee worked.
    Success,
    /// The callee failed: a fault, no answer, a malformed answer.
    Failure,
    /// The callee reported that it is overloaded.
    Overload {
        /// Time until the callee accepts a retry, from now on.
        retry_after: Option<Duration>,
    },
    /// The caller went away before the end.
    Cancelled,
    /// Neutral for the callee: the caller's own mistake, an answer such as "not found".
    NotCounted,
}

impl Outcome {
    /// Returns true when it counts as a failure of the callee.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failure | Self::Overload { .. })
    }

    /// Returns true when it counts for or against the callee at all.
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Cancelled | Self::NotCounted)
    }
}

/// Classifies outcomes of calls by their results. Closures are classifiers.
pub trait Classify<T, E> {
    /// Classifies the result of a call.
    fn classify(&self, result: &Result<T, E>) -> Outcome;
}

impl<T, E, F: Fn(&Result<T, E>) -> Outcome> Classify<T, E> for F {
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        self(result)
    }
}

/// `Ok` is a success, `Err` a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByResult;

impl<T, E> Classify<T, E> for ByResult {
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Failure,
        }
    }
}
