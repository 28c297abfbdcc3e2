//! The outcome of a call, as every guard sees it.

use std::time::Duration;

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it should.
    Success,
    /// It failed, and the callee is to blame: a fault, no answer, an answer that is none.
    Failure,
    /// The callee said that it has too much to do.
    Overload {
        /// When it wants to be asked again, from now on.
        retry_after: Option<Duration>,
    },
    /// Whoever waited went away.
    Cancelled,
    /// Says nothing about the callee: the caller's own mistake, an answer such as "not found".
    NotCounted,
}

impl Outcome {
    /// Whether it speaks against the callee.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failure | Self::Overload { .. })
    }

    /// Whether it says anything about the callee at all.
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Cancelled | Self::NotCounted)
    }
}

/// Tells what became of a call from what it returned. Closures are classifiers.
pub trait Classify<T, E> {
    /// What this result says about the callee.
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
