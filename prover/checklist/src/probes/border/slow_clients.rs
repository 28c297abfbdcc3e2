//! `border.slow-clients`: slow headers, slow bodies, slow readers and idle hoarders are cut; others do not notice.
//!
//! - **Hypothesis**: a connection that does not get on is closed (or answered 408) within the patience, and a harmless request is
//!   answered promptly all the while.
//! - **Sent**, all at once, one connection each: a head a byte at a time; the body of each of the first four writes of the mix a
//!   byte at a time; nothing at all; one whole request and then nothing; pipelined requests for the largest known answer that is
//!   never read.
//! - **Decides**: a connection held longer than the patience, or others answered late or not at all, fall short. Each write is
//!   first shown to be answered as declared; one that is refused before its body has come (401, 404, 405) says nothing. A
//!   connection kept open after a whole request is no attack: gap. So is a reader whose answers fit into the kernel's buffers,
//!   and one late answer of many.
//! - **Beside others**: where nobody notices (see `begun`), the connections are held while other probes run, and the harmless requests
//!   are asked before and after those. A connection that was cut later than the patience is a gap then.
//! - **Blast radius**: at most eight connections, and each write twice; beside others at most ten more for a second.
//! - **Bound in time**: the patience (60 s and the declared deadline, at most 100 s) plus 10 s; ends as soon as all are cut.

use std::time::Duration;

use keel_wire::http::Exchange;

use self::held::Held;
pub use super::support::drips::Patience;
use super::support::drips::Until;
use super::support::harmless::{Harmless, PROMPT, in_peace};
use super::support::writes::{Writes, writes};
use crate::clause::border::slow_clients as clause;
use crate::contention::{self, Contention};
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::lab::drip::{Drip, Fate, Part};
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::strain::Unread;

pub(crate) mod begun;
mod held;
#[cfg(test)]
mod judge_tests;
mod reader;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "border.slow-clients";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Of so many harmless requests one may be late on a busy machine; more are others that notice.
const LATE: usize = 10;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    match begun::take(lab) {
        Some((held, first)) => end(lab, held, Some(first)).await,
        None => examine_with(lab, Patience::of(lab)).await,
    }
}

/// Examines the running subject with another patience.
pub async fn examine_with(lab: &mut Lab, patience: Patience) -> Finding {
    let (listener, harmless) = match in_peace(ID, lab).await {
        Ok(both) => both,
        Err(finding) => return finding,
    };
    let held = Held::start(lab, &listener, harmless, patience, Until::patience(patience)).await;
    end(lab, held, None).await
}

/// Waits for the end of the connections, and judges them. `first` was seen before other probes ran beside them.
async fn end(lab: &mut Lab, mut held: Held, first: Option<Others>) -> Finding {
    let contention = contention::Watch::begin(lab);
    let asked = held.wait_for_all().await;
    let others = Others { asked, contention: contention.end() };
    let held = if first.is_some() { held.beside_others() } else { held };
    let Held { harmless, unread, dripped, ended, .. } = held;
    let mut evidence: Vec<Evidence> = dripped.iter().map(of_drip).collect();
    evidence.extend(ended.into_iter().map(|(idler, fate)| idler.judge(fate, unread.clone(), &harmless.control)));
    evidence.push(others.after(first).evidence(&harmless.control));
    lab.drips = Some(dripped);
    if !matches!(writes(lab).await, Writes::Possible) {
        evidence.retain(|piece| piece.clause() != Some(clause::SLOW_BODIES.id()) || piece.is_against());
        // A body that is held is one that is taken, whatever is declared.
        if evidence.iter().all(|piece| piece.clause() != Some(clause::SLOW_BODIES.id())) {
            evidence.push(clause::SLOW_BODIES.holds("no request with a body is taken at all").by(&harmless.control));
        }
    }
    Finding::judge(ID, evidence)
}

/// A connection that sends nothing more, or reads nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Idler {
    Silent,
    KeptAlive,
    Reader,
}

impl Idler {
    fn judge(self, fate: Fate, unread: Option<Unread>, control: &Control) -> Evidence {
        let (clause, name) = match self {
            Self::Silent => (clause::IDLE, "a connection that says nothing"),
            Self::KeptAlive => (clause::IDLE, "a connection idle after a whole request"),
            Self::Reader => (clause::SLOW_READERS, "a reader that never reads"),
        };
        match fate {
            Fate::Cut(after, how) => clause.holds(format!("{name} was {how} after {after:.1?}")).by(control),
            // Minutes of keep-alive are usual, behind a balancer they are needed.
            Fate::Held(after) if self == Self::KeptAlive => {
                clause.gap(format!("{name} was still open after {after:.1?}, which may be a long keep-alive or none"))
            }
            Fate::Held(after) => {
                let piece = clause.contradicts(format!("{name} was still held after {after:.1?}"));
                match self {
                    Self::Silent => piece.reproduced_by(Recipe::Slow { begin: Vec::new(), drip: None, held: after }),
                    Self::Reader => unread
                        .map(|unread| Recipe::Unread(Unread { held: after, ..unread }))
                        .into_iter()
                        .fold(piece, Evidence::reproduced_by),
                    Self::KeptAlive => piece,
                }
            }
            Fate::NotJudged(why) => clause.gap(format!("{name} could not be judged: {why}")),
        }
    }
}

fn of_drip(drip: &Drip) -> Evidence {
    let (clause, name) = match drip.part {
        Part::Head => (clause::SLOW_HEADERS, &drip.name),
        Part::Body => (clause::SLOW_BODIES, &drip.name),
    };
    let evidence = match &drip.fate {
        Fate::Cut(after, how) => clause.holds(format!("{name} was {how} after {after:.1?}")),
        Fate::Held(after) => clause.contradicts(format!("{name} was still held after {after:.1?}")),
        Fate::NotJudged(why) => clause.gap(format!("{name} could not be judged: {why}")),
    };
    let evidence = drip.recipe().into_iter().fold(evidence, Evidence::reproduced_by);
    drip.control.iter().fold(evidence, Evidence::by)
}

/// Answers to other clients, and contention meanwhile.
struct Others {
    asked: Asked,
    contention: Contention,
}

impl Others {
    /// Both parts as one; the contention is that of the slowest answer.
    fn after(self, first: Option<Self>) -> Self {
        let Some(first) = first else { return self };
        let contention = match first.asked.slowest > self.asked.slowest {
            true => first.contention,
            false => self.contention,
        };
        Self { asked: first.asked.and(self.asked), contention }
    }

    fn evidence(self, control: &Control) -> Evidence {
        let slowest = self.asked.slowest;
        self.contention.excuse(self.asked.evidence(control), slowest, PROMPT)
    }
}

/// Answers to other clients meanwhile.
#[derive(Default)]
struct Asked {
    times: usize,
    late: usize,
    slowest: Duration,
    other: Option<Exchange>,
}

impl Asked {
    async fn ask(&mut self, harmless: &Harmless) {
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
    fn nobody_noticed(&self) -> bool {
        self.late == 0 && self.other.is_none()
    }

    fn evidence(self, control: &Control) -> Evidence {
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
