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
//! - **Beside others**: where no other client notices (see `begun`), the connections are held while other probes run, and the harmless requests
//!   are asked before and after those. A connection that was cut later than the patience is a gap then.
//! - **Blast radius**: at most eight connections, and each write twice; beside others at most ten more for a second.
//! - **Bound in time**: the patience (60 s and the declared deadline, at most 100 s) plus 10 s; ends as soon as all are cut.

use self::held::Held;
use self::others::Others;
pub use super::support::drips::Patience;
use super::support::drips::Until;
use super::support::harmless::in_peace;
use super::support::writes::takes_bodies;
use crate::clause::border::slow_clients as clause;
use crate::contention;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::lab::drip::{Drip, Fate, Part};
use crate::probe::Probe;

mod begun;
mod held;
mod idler;
#[cfg(test)]
mod judge_tests;
mod others;
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

/// Opens the connections, and leaves them open where no other client notices, while other probes run.
pub(crate) async fn begin(lab: &mut Lab) {
    begun::begin(ID, lab).await;
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
    if !takes_bodies(lab).await {
        evidence.retain(|piece| piece.clause() != Some(clause::SLOW_BODIES.id()) || piece.is_against());
        // A body that is held is one that is taken, whatever is declared.
        if evidence.iter().all(|piece| piece.clause() != Some(clause::SLOW_BODIES.id())) {
            evidence.push(clause::SLOW_BODIES.holds("no request with a body is taken at all").by(&harmless.control));
        }
    }
    Finding::judge(ID, evidence)
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
