//! The terms that all attempts of one call share, and one attempt as the work sees it.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::time::Instant;

use super::error::{Bound, CallError};
use super::rules::Rules;
use crate::deadline::Deadline;
use crate::outcome::Outcome;
use crate::retry::Stop;

/// Ways in which work may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeats {
    Never,
    /// One attempt after the other.
    InTurn,
    /// Hedging: also beside a slow attempt.
    Beside,
}

/// Result of a call.
pub(super) type Ended<T, E> = Result<Answered<T>, CallError<E>>;

/// The answer of the last attempt.
pub(super) struct Answered<T> {
    pub(super) value: T,
    /// Outcome for the callee.
    pub(super) outcome: Outcome,
    /// Number of attempts.
    pub(super) attempts: u32,
    /// Reason why no other attempt was made.
    pub(super) stop: Stop,
}

impl<T> Answered<T> {
    pub(super) fn into_value(self) -> T {
        self.value
    }
}

/// State that the attempts of one call share.
pub(super) struct Terms<'r> {
    pub(super) rules: &'r Rules,
    pub(super) begun: Instant,
    /// Deadline of the call.
    pub(super) deadline: Option<Deadline>,
    /// Origin of that deadline.
    pub(super) bound: Bound,
    pub(super) repeatable: bool,
    /// True once an attempt has failed and another one follows.
    pub(super) failed: AtomicBool,
}

impl<'r> Terms<'r> {
    pub(super) fn of(rules: &'r Rules, repeatable: bool, now: Instant) -> Self {
        let own = rules.deadline.map(|deadline| Deadline::since(now, deadline));
        let (deadline, bound) = match (own, Deadline::current()) {
            (Some(own), Some(current)) if current < own => (Some(current), Bound::TaskDeadline),
            (None, Some(current)) => (Some(current), Bound::TaskDeadline),
            (own, _) => (own, Bound::PolicyDeadline),
        };
        Self { rules, begun: now, deadline, bound, repeatable, failed: AtomicBool::new(false) }
    }

    /// The bound that ended an attempt which had until `end`, and its length.
    pub(super) fn cut_by(&self, end: Option<Deadline>) -> (Bound, Duration) {
        match (self.deadline, &self.rules.timeout) {
            (None, Some(timeout)) => (Bound::AttemptTimeout, timeout.at_most),
            (Some(deadline), Some(timeout)) if end.is_some_and(|end| end < deadline) => {
                (Bound::AttemptTimeout, timeout.at_most)
            }
            (deadline, _) => {
                let left = deadline.map(|deadline| deadline.at().saturating_duration_since(self.begun));
                (self.bound, left.unwrap_or_default())
            }
        }
    }
}

/// One attempt, as the work sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// The latest moment at which this attempt is dropped; none where no guard bounds it. Where the rules give an attempt a share
    /// of the time ([`TimeoutRules::share`](super::TimeoutRules::share)), it can be dropped for the next one before.
    pub deadline: Option<Deadline>,
}
