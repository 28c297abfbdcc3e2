//! `call.bad-answers`: bad answers of a dependency become one clear error in bounded time and memory.
//!
//! - **Hypothesis**: whatever a dependency answers, each request that uses it is answered whole and in time, with a clear 5xx or an
//!   answer that is not built on the bad one; memory stays bounded; everything is as before once the dependency is mended.
//! - **Sent**: for each dependency and each of `FAULTS`, at most four requests that use it at once.
//! - **Decides**: no whole answer within the deadline plus 1 s; a 4xx, which blames the caller; a success that carries the bad
//!   bytes, half of the good answer, or broken JSON; resident memory that grows by more than 64 MiB; a process that ends; no
//!   recovery within 30 s. A fault that no call met decides nothing.
//! - **Blast radius**: the dependency's proxy misbehaves meanwhile, and is mended at the end.
//! - **Bound in time**: for each dependency and fault the deadline plus 4 s; 100 s in all, then the rest is told as not tried.

use std::time::{Duration, Instant};

use keel_proxy::Fault;
use keel_wire::http::{Answer, Exchange};

use super::support::proxied_dependency::{self, Dependent, GRACE};
use crate::clause::Clause;
use crate::clause::call::bad_answers as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "call.bad-answers";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// By how much resident memory may grow meanwhile, in bytes.
const MAX_GROWTH: u64 = 64 << 20;
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(50);
/// How long after the answers memory is looked at: work may go on behind them.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// What is not tried by then is not tried.
const BOUND: Duration = Duration::from_secs(75);
/// Bytes of an answer that are no longer an answer to anything.
const LONG: u64 = 1 << 20;
/// What the fault proxy answers, as it would be seen when it is passed on.
const BAD: [&str; 2] = ["this is not the protocol that you speak", "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0"];

/// What the dependency does, in this order, and how it is told.
const FAULTS: [(Fault, Clause, &str); 7] = [
    (Fault::Reset, clause::MISSING, "resets the connection"),
    (Fault::Garbage, clause::GARBAGE, "answers bytes that are not the protocol"),
    (Fault::ServerError, clause::CLEAR_ERROR, "answers 500"),
    (Fault::Truncate(20), clause::TRUNCATED, "breaks off within the head"),
    (Fault::Truncate(160), clause::TRUNCATED, "breaks off after 160 bytes"),
    (Fault::Endless, clause::ENDLESS, "answers without end"),
    (Fault::LostAnswer, clause::MISSING, "does the work and loses the answer"),
];

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let begun = Instant::now();
    let (dependents, mut evidence) = match proxied_dependency::all(ID, lab).await {
        Ok(found) => found,
        Err(finding) => return finding,
    };
    let mut seen = 0;
    for dependent in &dependents {
        for (fault, clause, told) in FAULTS {
            if begun.elapsed() > BOUND {
                evidence.push(clause.gap(format!("{} that {told} was not tried: {BOUND:?} are over", dependent.name)));
                continue;
            }
            // A service that leaves a failing dependency alone would not hear the next fault.
            let again = dependent.recovery(lab, clause::CLEAR_ERROR).await;
            if again.is_against() {
                evidence.push(again);
                return Finding::judge(ID, evidence);
            }
            let (pieces, met) = examine_fault(lab, dependent, (fault, clause), told).await;
            seen += usize::from(met);
            evidence.extend(pieces);
            if !lab.process().is_running() {
                evidence
                    .push(clause::CLEAR_ERROR.contradicts(format!("the process ended when {} {told}", dependent.name)));
                return Finding::judge(ID, evidence);
            }
        }
        evidence.push(dependent.recovery(lab, clause::CLEAR_ERROR).await);
    }
    if seen == 0 && evidence.iter().all(|piece| !piece.is_against()) {
        return Finding::unknown(ID, "no call met a bad answer, so nothing was seen of what becomes of one", evidence);
    }
    Finding::judge(ID, evidence)
}

async fn examine_fault(
    lab: &mut Lab,
    dependent: &Dependent,
    (fault, clause): (Fault, Clause),
    told: &str,
) -> (Vec<Evidence>, bool) {
    let name = &dependent.name;
    let before = lab.process().usage().resident;
    let mut most = before;
    let (answers, met) = {
        let running: &Lab = lab;
        let asking = async {
            let answers = dependent.under(running, fault).await;
            tokio::time::sleep(lab.pace.of(AFTERWARDS)).await;
            answers
        };
        tokio::pin!(asking);
        loop {
            tokio::select! {
                answers = &mut asking => break answers,
                () = tokio::time::sleep(LOOK) => most = most.max(running.resident()),
            }
        }
    };
    dependent.mend(lab).await;
    let mut evidence = Vec::new();
    for ((spec, exchange), (_, peace)) in answers.iter().zip(&dependent.users) {
        let (good, outcome) = judge(exchange, peace.answer(), lab.subject.deadline + GRACE);
        let what = format!("when {name} {told}, {} {outcome}", spec.name);
        let good = met_or_bad(good, met);
        evidence.push(clause::CLEAR_ERROR.maybe(good, what.clone()).with(exchange));
        evidence.push(clause.maybe(good, what).with(exchange));
        let in_time = exchange.answer().is_some() && exchange.took <= lab.subject.deadline + GRACE;
        let what = format!("when {name} {told}, {} ends after {:.1?}", spec.name, exchange.took);
        evidence.push(clause::BOUNDED_TIME.maybe(met_or_bad(in_time, met), what));
    }
    if !met {
        evidence.push(clause.gap(format!("no call met {name} while it {told}")));
    }
    let growth = most.saturating_sub(before);
    let within = growth <= MAX_GROWTH;
    let what = format!("when {name} {told}, resident memory grows by {:.1} MiB", growth as f64 / f64::from(1 << 20));
    evidence.push(clause::BOUNDED_MEMORY.maybe(met_or_bad(within, met), what));
    (evidence, met)
}

/// What went well without a call says nothing about calls.
fn met_or_bad(good: bool, met: bool) -> Option<bool> {
    if good && !met { None } else { Some(good) }
}

fn judge(exchange: &Exchange, peace: Option<&Answer>, limit: Duration) -> (bool, String) {
    let took = exchange.took;
    let Some(answer) = exchange.answer() else { return (false, format!("has no whole answer after {took:.1?}")) };
    let status = answer.status.as_u16();
    if took > limit {
        return (false, format!("is answered {status} only after {took:.1?}"));
    }
    let text = answer.text();
    if BAD.iter().any(|bad| text.contains(bad)) || answer.body_length > LONG {
        return (false, format!("is answered {status} with the bad bytes in it"));
    }
    match status {
        500.. => (true, format!("is answered {status}")),
        400.. => (false, format!("is blamed on the caller with {status}")),
        _ if is_broken(answer, &text, peace) => (false, format!("is answered {status}, with a broken answer")),
        _ => (true, format!("is answered {status}, without the bad bytes")),
    }
}

/// Whether a success is only a part: of what was answered in peace, or of a JSON text.
fn is_broken(answer: &Answer, text: &str, peace: Option<&Answer>) -> bool {
    let part =
        peace.map(Answer::text).is_some_and(|whole| !text.is_empty() && text != whole && whole.starts_with(text));
    part || answer.header("content-type").contains("json") && answer.json().is_none()
}
