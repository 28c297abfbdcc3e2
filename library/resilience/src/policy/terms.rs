//! The terms that all attempts of one call share, and one attempt as the work sees it.

use std::sync::atomic::AtomicBool;

use tokio::time::Instant;

use super::rules::Rules;
use crate::deadline::Deadline;

/// How work may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeats {
    Never,
    /// One attempt after the other.
    InTurn,
    /// Also beside a slow one.
    Beside,
}

/// What the attempts of one call have in common.
pub(super) struct Terms<'r> {
    pub(super) rules: &'r Rules,
    pub(super) begun: Instant,
    /// When nobody waits any more.
    pub(super) deadline: Option<Deadline>,
    pub(super) repeatable: bool,
    /// Whether an attempt has failed and another one follows.
    pub(super) failed: AtomicBool,
}

impl<'r> Terms<'r> {
    pub(super) fn of(rules: &'r Rules, repeatable: bool, now: Instant) -> Self {
        let own = rules.deadline.map(|deadline| Deadline::since(now, deadline));
        let deadline = match (own, Deadline::current()) {
            (Some(own), Some(current)) => Some(own.min(current)),
            (own, current) => own.or(current),
        };
        Self { rules, begun: now, deadline, repeatable, failed: AtomicBool::new(false) }
    }
}

/// One attempt, as the work sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// When this attempt is dropped; none where no guard bounds it.
    pub deadline: Option<Deadline>,
}
