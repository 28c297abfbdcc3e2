//! `call.timeout`: every remote call ends by a deadline; none can wait for ever.
//!
//! - **Hypothesis**: with a dependency that is silent, or that drips, each request that uses it is answered within the deadline, the
//!   connection on which it was called is given up within the deadline too, and others notice nothing.
//! - **Sent**: for each dependency, silent and then dripping a byte a second: at most four requests that use it at once, and a
//!   harmless one meanwhile.
//! - **Decides**: no answer within the deadline plus 1 s; a connection of that time that is still open then; a harmless
//!   request that is no longer answered. Pooled connections are reset before, so that calls are made on new ones, which can be
//!   told apart. A fault under which no call was seen decides nothing.
//! - **Blast radius**: the dependency's proxy misbehaves meanwhile, and is mended at the end.
//! - **Bound in time**: for each dependency and fault the deadline plus 4 s, at most 40 s.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use keel_proxy::Fault;
use keel_wire::http::Exchange;

use super::support::proxied_dependency::{self, Dependent, GRACE};
use crate::clause::Clause;
use crate::clause::call::timeout as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::sockets;
use crate::subject::RequestSpec;

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "call.timeout";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The longest that connections are watched.
const MAX_WATCH: Duration = Duration::from_secs(40);
/// How long, after the fault began, new connections count as calls under it.
const CALLS_BEGUN: Duration = Duration::from_secs(1);
/// The least of it, at any pace: a connection takes its time on a busy machine.
const LEAST_CALLS_BEGUN: Duration = Duration::from_millis(500);
/// Between two looks meanwhile: a call may be given up soon.
const CALLS_LOOK: Duration = Duration::from_millis(10);
/// How soon others must be answered meanwhile.
const PROMPT: Duration = Duration::from_secs(2);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let (dependents, mut evidence) = match proxied_dependency::all(ID, lab).await {
        Ok(found) => found,
        Err(finding) => return finding,
    };
    let drip = Fault::Drip { bytes: 1, every: Duration::from_secs(1) };
    let mut seen = 0;
    for dependent in &dependents {
        let faults =
            [(Fault::Hang, clause::FIRST_BYTE, "silent"), (drip.clone(), clause::BODY, "dripping a byte a second")];
        for (fault, clause, told) in faults {
            let (pieces, calls) = examine_fault(lab, dependent, (fault, clause), told).await;
            seen += calls;
            evidence.extend(pieces);
            evidence.push(dependent.recovery(lab, clause::DEADLINE).await);
        }
    }
    if seen == 0 && evidence.iter().all(|piece| !piece.is_against()) {
        return Finding::unknown(ID, "no call met a silent or dripping dependency: none was seen to end", evidence);
    }
    Finding::judge(ID, evidence)
}

/// What is seen under one fault, and how many calls were watched to their end.
async fn examine_fault(
    lab: &Lab,
    dependent: &Dependent,
    (fault, clause): (Fault, Clause),
    told: &str,
) -> (Vec<Evidence>, usize) {
    let Some(proxy) = lab.proxy(&dependent.name) else { return (Vec::new(), 0) };
    let (name, port) = (&dependent.name, proxy.address().port());
    let bystander = bystander(lab, name).await;
    dependent.reset_pools(lab).await;
    let before = sockets::established_to(port).await;
    let begun = Instant::now();
    let calls = async {
        let mut calls = BTreeSet::new();
        while begun.elapsed() < lab.pace.of(CALLS_BEGUN).max(LEAST_CALLS_BEGUN) {
            calls.extend(sockets::established_to(port).await.difference(&before));
            tokio::time::sleep(CALLS_LOOK).await;
        }
        let harmless = match &bystander {
            Some((spec, status)) => Some(ask(lab, clause, spec, *status, &format!("while {name} is {told}")).await),
            None => None,
        };
        (calls, harmless)
    };
    let ((answers, met), (calls, harmless)) = tokio::join!(dependent.under(lab, fault), calls);
    let mut evidence: Vec<Evidence> = harmless.into_iter().collect();
    evidence.extend(
        answers.iter().map(|(spec, exchange)| judge(clause, spec, exchange, lab.subject.deadline, (name, told), met)),
    );
    let watched = calls.len();
    evidence.push(match watched {
        0 => clause::DEADLINE.gap(format!("no new connection to {name} was seen while it was {told}")),
        _ => ends(lab, port, calls, begun, &format!("calls to {name}, {told}")).await,
    });
    (evidence, watched)
}

fn judge(
    clause: Clause,
    spec: &RequestSpec,
    exchange: &Exchange,
    deadline: Duration,
    (name, told): (&str, &str),
    met: bool,
) -> Evidence {
    let took = exchange.took;
    let in_time = exchange.answer().is_some() && took <= deadline + GRACE;
    let outcome = match exchange.status() {
        Some(status) => format!("is answered {} after {took:.1?}", status.as_u16()),
        None => format!("has no answer after {took:.1?}"),
    };
    let what = format!("with {name} {told}, {} {outcome}; the deadline is {deadline:?}", spec.name);
    // In time without a call says nothing about calls.
    let good = if in_time && !met { None } else { Some(in_time) };
    clause.maybe(good, what).with(exchange)
}

/// Whether the connections on which it was called are given up in time.
async fn ends(lab: &Lab, port: u16, calls: BTreeSet<u16>, begun: Instant, told: &str) -> Evidence {
    let limit = (lab.subject.deadline + GRACE).min(MAX_WATCH);
    loop {
        let open = sockets::established_to(port).await.intersection(&calls).count();
        let took = begun.elapsed();
        if open == 0 {
            return clause::DEADLINE
                .holds(format!("{told}: all {} connections were given up after {took:.1?}", calls.len()));
        }
        if took > limit {
            let what = format!("{told}: {open} of {} connections are still open after {took:.1?}", calls.len());
            let decided = limit >= lab.subject.deadline + GRACE;
            return clause::DEADLINE.maybe(decided.then_some(false), what);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A request that reads and does not use the dependency, with its status in peace.
async fn bystander(lab: &Lab, dependency: &str) -> Option<(RequestSpec, u16)> {
    let uses = |spec: &RequestSpec| spec.uses.iter().any(|used| used == dependency);
    let spec = lab.mix().into_iter().find(|spec| spec.only_reads() && !uses(spec))?;
    let status = lab.http().send(lab.fill(&spec)).await.status()?.as_u16();
    (status < 500).then_some((spec, status))
}

async fn ask(lab: &Lab, clause: Clause, spec: &RequestSpec, status: u16, when: &str) -> Evidence {
    let exchange = lab.http().with_timeout(PROMPT).send(lab.fill(spec)).await;
    let same = exchange.status().is_some_and(|now| now.as_u16() == status);
    let told = if same { "is answered as before" } else { "is not answered as before" };
    clause.saw(same, format!("{when}, {}, which does not use it, {told}", spec.name)).with(&exchange)
}
