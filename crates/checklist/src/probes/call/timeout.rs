//! `call.timeout`: every remote call ends by a deadline; none can wait for ever.
//!
//! - **Hypothesis**: with a dependency that is silent, or that drips, each request that uses it is answered within the deadline, the
//!   connection on which it was called is given up within the deadline too, and others notice nothing.
//! - **Sent**: for each dependency, silent and then dripping a byte a second: at most four requests that use it at once, and a
//!   harmless one meanwhile.
//! - **Decides**: no answer within the deadline plus 1 s; a connection of that time that is still open then; a harmless
//!   request that is no longer answered. Idle connections of before are not counted: a pool may keep them. A fault that no call
//!   met decides nothing.
//! - **Blast radius**: the dependency's proxy misbehaves meanwhile, and is mended at the end.
//! - **Bound in time**: for each dependency and fault the deadline plus 4 s, at most 40 s.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use drill::http::Exchange;
use drill::proxy::Fault;

use super::dependent::{self, Dependent, GRACE};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probes::sockets;
use crate::subject::RequestSpec;

const ID: &str = "call.timeout";
/// The longest that connections are watched.
const MAX_WATCH: Duration = Duration::from_secs(40);
/// When, after the fault began, the calls under it are counted.
const CALLS_BEGUN: Duration = Duration::from_secs(1);
/// How soon others must be answered meanwhile.
const PROMPT: Duration = Duration::from_secs(2);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let (dependents, mut evidence) = match dependent::all(ID, lab).await {
        Ok(found) => found,
        Err(finding) => return finding,
    };
    let drip = Fault::Drip { bytes: 1, every: Duration::from_secs(1) };
    for dependent in &dependents {
        for (fault, told) in [(Fault::Hang, "silent"), (drip.clone(), "dripping a byte a second")] {
            evidence.extend(examine_fault(lab, dependent, fault, told).await);
            evidence.push(dependent.recovery(lab).await);
        }
    }
    if !evidence.iter().any(|piece| piece.good == Some(false) || piece.what.starts_with("calls to")) {
        return Finding::unknown(
            ID,
            "no call met a silent or dripping dependency, so none could be seen to end",
            evidence,
        );
    }
    Finding::judge(ID, "every request and every call ended within the deadline while its dependency did not", evidence)
}

async fn examine_fault(lab: &Lab, dependent: &Dependent, fault: Fault, told: &str) -> Vec<Evidence> {
    let Some(proxy) = lab.proxy(&dependent.name) else { return Vec::new() };
    let (name, port) = (&dependent.name, proxy.address().port());
    let bystander = bystander(lab, name).await;
    let before = sockets::established_to(port);
    let begun = Instant::now();
    let calls = async {
        tokio::time::sleep(CALLS_BEGUN).await;
        let open: BTreeSet<u16> = sockets::established_to(port).difference(&before).copied().collect();
        let harmless = match &bystander {
            Some((spec, status)) => Some(ask(lab, spec, *status, &format!("while {name} is {told}")).await),
            None => None,
        };
        (open, harmless)
    };
    let ((answers, met), (open, harmless)) = tokio::join!(dependent.under(lab, fault), calls);
    let mut evidence: Vec<Evidence> = harmless.into_iter().collect();
    evidence
        .extend(answers.iter().map(|(spec, exchange)| judge(spec, exchange, lab.subject.deadline, name, told, met)));
    evidence.push(if met {
        ends(lab, port, open, begun, &format!("calls to {name}, {told}")).await
    } else {
        Evidence::note(format!("no call met {name} while it was {told}"))
    });
    evidence
}

fn judge(spec: &RequestSpec, exchange: &Exchange, deadline: Duration, name: &str, told: &str, met: bool) -> Evidence {
    let took = exchange.took;
    let in_time = exchange.answer().is_some() && took <= deadline + GRACE;
    let outcome = match exchange.status() {
        Some(status) => format!("is answered {} after {took:.1?}", status.as_u16()),
        None => format!("has no answer after {took:.1?}"),
    };
    let what = format!("with {name} {told}, {} {outcome}; the deadline is {deadline:?}", spec.name);
    // In time without a call says nothing about calls.
    let good = if in_time && !met { None } else { Some(in_time) };
    Evidence { good, ..Evidence::exchange(in_time, what, exchange) }
}

/// Whether the connections on which it was called are given up in time.
async fn ends(lab: &Lab, port: u16, calls: BTreeSet<u16>, begun: Instant, told: &str) -> Evidence {
    let limit = (lab.subject.deadline + GRACE).min(MAX_WATCH);
    loop {
        let open = sockets::established_to(port).intersection(&calls).count();
        let took = begun.elapsed();
        if open == 0 {
            // Those that ended before they were counted ended in time too.
            return Evidence::saw(
                true,
                format!("{told}: all {} connections were given up after {took:.1?}", calls.len()),
            );
        }
        if took > limit {
            let what = format!("{told}: {open} of {} connections are still open after {took:.1?}", calls.len());
            let decided = limit >= lab.subject.deadline + GRACE;
            return Evidence { good: if decided { Some(false) } else { None }, ..Evidence::saw(false, what) };
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A request that reads and does not use the dependency, with its status in peace.
async fn bystander(lab: &Lab, dependency: &str) -> Option<(RequestSpec, u16)> {
    let reads = |spec: &RequestSpec| spec.method.is_empty() || spec.method.eq_ignore_ascii_case("GET");
    let uses = |spec: &RequestSpec| spec.uses.iter().any(|used| used == dependency);
    let spec = lab.mix().into_iter().find(|spec| reads(spec) && !uses(spec))?;
    let status = lab.http().send(lab.fill(&spec)).await.status()?.as_u16();
    (status < 500).then_some((spec, status))
}

async fn ask(lab: &Lab, spec: &RequestSpec, status: u16, when: &str) -> Evidence {
    let exchange = lab.http().with_timeout(PROMPT).send(lab.fill(spec)).await;
    let same = exchange.status().is_some_and(|now| now.as_u16() == status);
    let told = if same { "is answered as before" } else { "is not answered as before" };
    Evidence::exchange(same, format!("{when}, {}, which does not use it, {told}", spec.name), &exchange)
}
