//! Answers to other clients while slow connections are held.

use std::time::Duration;

use keel_wire::http::Exchange;

use super::super::support::harmless::{Harmless, PROMPT};
use crate::clause::border::slow_clients as clause;
use crate::contention::Contention;
use crate::control::Control;
use crate::finding::Evidence;

/// Of so many harmless requests one may be late on a busy machine; more are others that notice.
const LATE: usize = 10;

/// Answers to other clients, and contention meanwhile.
pub(super) struct Others {
    pub(super) asked: Asked,
    pub(super) contention: Contention,
}

impl Others {
    /// Both parts as one; the contention is that of the slowest answer.
    pub(super) fn after(self, first: Option<Self>) -> Self {
        let Some(first) = first else { return self };
        let contention = match first.asked.slowest > self.asked.slowest {
            true => first.contention,
            false => self.contention,
        };
        Self { asked: first.asked.and(self.asked), contention }
    }

    pub(super) fn evidence(self, control: &Control) -> Evidence {
        let slowest = self.asked.slowest;
        self.contention.excuse(self.asked.evidence(control), slowest, PROMPT)
    }
}

/// Answers to other clients meanwhile.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) times: usize,
    pub(super) late: usize,
    pub(super) slowest: Duration,
    pub(super) other: Option<Exchange>,
}

impl Asked {
    pub(super) async fn ask(&mut self, harmless: &Harmless) {
        let (same, exchange) = harmless.ask().await;
        self.times += 1;
        self.late += usize::from(exchange.took >= PROMPT);
        self.slowest = self.slowest.max(exchange.took);
        if !same {
            self.other.get_or_insert(exchange);
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            times: self.times + other.times,
            late: self.late + other.late,
            slowest: self.slowest.max(other.slowest),
            other: self.other.or(other.other),
        }
    }

    /// Returns true if each was answered as in peace, and promptly.
    pub(super) fn went_unnoticed(&self) -> bool {
        self.late == 0 && self.other.is_none()
    }

    pub(super) fn evidence(self, control: &Control) -> Evidence {
        let told = format!("{} harmless requests, the slowest in {:.1?}", self.times, self.slowest);
        let evidence = match (self.other, self.late) {
            (Some(exchange), _) => clause::BYSTANDERS
                .contradicts(format!("others notice: not all of {told}, were answered"))
                .with(&exchange),
            (None, 0) => clause::BYSTANDERS.holds(format!("others do not notice: {told}, were answered meanwhile")),
            (None, late) if late * LATE > self.times.max(LATE) => {
                clause::BYSTANDERS.contradicts(format!("others notice: {late} of {told}, were answered late"))
            }
            (None, late) => {
                let what = format!("{late} of {told}, came late: run keel on a machine that is not busy");
                clause::BYSTANDERS.gap(what)
            }
        };
        evidence.by(control)
    }
}
