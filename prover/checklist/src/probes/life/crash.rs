//! `life.crash`: a part that panics is restarted clean; its siblings and other requests do not notice.
//!
//! - **Hypothesis**: a request that crashes its handler or worker is answered with a 5xx; harmless requests beside it are answered as
//!   before; the service is ready at once, as often as it is sent.
//! - **Sent**: every request of the mix with `crash`, `TIMES` times each, with harmless requests beside it.
//!   Then the mix once more.
//! - **Decides**: a crash without a 5xx, a harmless request that fails, a process that ends, a service that is not ready within 5 s and twice
//!   its slowest start, and a request of the mix that was answered as declared before the crashes and is not so long after them: what crashed is not clean.
//!   Without a request that is declared to crash nothing is known: a crash cannot be asked for from outside.
//! - **Blast radius**: what the declared requests do.
//! - **Bound in time**: for each time 5 s and the service's deadline.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use keel_wire::http::Exchange;

use crate::clause::life::crash as clause;
use crate::contention;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::Shows;
use crate::subject::RequestSpec;

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "life.crash";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Number of times that each is sent.
const TIMES: usize = 5;
/// The most requests that crash.
const MAX_CRASHES: usize = 4;
/// Time for which others are sent beside a crash and after it.
const BESIDE: Duration = Duration::from_millis(300);
/// Time within which others must be answered, or so many times what they take in peace.
const PROMPT: Duration = Duration::from_secs(2);
const SLOWER: u32 = 3;
/// Time within which it must be ready again, beside twice its slowest start: what crashes may be started anew.
const READY: Duration = Duration::from_secs(5);
/// Between two times that the mix is sent.
const AGAIN: Duration = Duration::from_millis(500);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let mut crashes: Vec<RequestSpec> = lab.subject.requests.iter().filter(|spec| spec.crash).cloned().collect();
    let left_out: Vec<String> = crashes.drain(crashes.len().min(MAX_CRASHES)..).map(|spec| spec.name).collect();
    if crashes.is_empty() {
        let reason = "no request is declared to crash; write `crash = true` on one in [[requests]] that panics or kills a worker";
        return Finding::unknown(ID, reason, Vec::new());
    }
    let peace = lab.http().send(lab.harmless()).await;
    let Some(status) = peace.status().map(|status| status.as_u16()).filter(|status| *status < 500) else {
        let piece = Evidence::note("a harmless request is not answered even in peace").with(&peace);
        return Finding::unknown(ID, "a harmless request is not answered even in peace: mend the mix", vec![piece]);
    };
    let prompt = PROMPT.max(peace.took * SLOWER);
    let well = answered_as_declared(lab).await;
    let (mut evidence, mut beside) = (Vec::new(), 0);
    if !left_out.is_empty() {
        let what = format!("only {MAX_CRASHES} requests that crash were sent, and not {}", left_out.join(", "));
        evidence.extend([clause::RESTART.gap(&what), clause::BYSTANDERS.gap(&what)]);
    }
    for spec in &crashes {
        for _ in 0..TIMES {
            let contention = contention::Watch::begin(lab);
            let (crash, others) = crash_once(lab, spec, status, prompt).await;
            let contention = contention.end();
            beside += others.len();
            let slowest = others.iter().map(|other| other.took).max().unwrap_or_default();
            // One that is given up has taken as long as it may.
            let pieces = judge(&spec.name, &crash, &others, status);
            evidence.extend(pieces.into_iter().map(|piece| match piece.clause() == Some(clause::BYSTANDERS.id()) {
                true => contention.excuse(piece, slowest, prompt / 2),
                false => piece,
            }));
            let contention = contention::Watch::begin(lab);
            let (ready, took) = ready_again(lab).await;
            let alive = lab.process().is_running();
            if !alive || !ready {
                let told = if alive { "it is not ready" } else { "its process has ended" };
                let piece = clause::RESTART.contradicts(format!("{took:.1?} after {} {told}", spec.name));
                evidence.push(if alive { contention.end().excuse_given_up(piece, took) } else { piece });
                return Finding::judge(ID, evidence);
            }
        }
    }
    evidence.extend(clean_again(lab, &well).await);
    evidence
        .push(clause::BYSTANDERS.saw(beside > 0, format!("{beside} harmless requests were sent beside the crashes")));
    Finding::judge(ID, evidence)
}

/// Judges the answer to a request that crashes, and the harmless ones beside it, which have this status in peace.
fn judge(name: &str, crash: &Exchange, others: &[Exchange], status: u16) -> Vec<Evidence> {
    let fivehundred = crash.status().is_some_and(|status| status.is_server_error());
    let told = if fivehundred { "is answered with a 5xx" } else { "is not answered with a 5xx" };
    let piece = clause::RESTART.saw(fivehundred, format!("{name}, which crashes, {told}")).with(crash);
    let mut evidence = vec![piece.reproduced_by(Recipe::again(crash, Shows::Missing("^5".to_owned())))];
    if let Some(failed) = others.iter().find(|other| is_not(other, status)) {
        let what = format!("beside {name} a harmless request is not answered as before");
        evidence.push(clause::BYSTANDERS.contradicts(what).with(failed));
    }
    evidence
}

fn is_not(exchange: &Exchange, status: u16) -> bool {
    exchange.status().is_none_or(|now| now.as_u16() != status)
}

/// The names of the requests of the mix that are answered as declared now.
async fn answered_as_declared(lab: &mut Lab) -> BTreeSet<String> {
    let sent = lab.send_mix().await;
    sent.into_iter().filter(|(spec, exchange)| is_as_declared(spec, exchange)).map(|(spec, _)| spec.name).collect()
}

fn is_as_declared(spec: &RequestSpec, exchange: &Exchange) -> bool {
    exchange.status().is_some_and(|status| spec.expects(status.as_u16()))
}

/// Sends the mix again: a part that shares something with a crashed one may have lost it.
async fn clean_again(lab: &mut Lab, well: &BTreeSet<String>) -> Option<Evidence> {
    let (since, patience) = (Instant::now(), lab.beside_a_start(READY));
    let contention = contention::Watch::begin(lab);
    loop {
        let sent = lab.send_mix().await;
        let known = || sent.iter().filter(|(spec, _)| well.contains(&spec.name));
        let Some((spec, exchange)) = known().find(|(spec, exchange)| !is_as_declared(spec, exchange)) else {
            let what = format!("after the crashes {} requests of the mix are answered as declared", well.len());
            return (!well.is_empty()).then(|| clause::RESTART.holds(what));
        };
        let took = since.elapsed();
        if took > patience {
            let what = format!("{took:.1?} after the crashes {} is not answered as it was before", spec.name);
            let piece = clause::RESTART.contradicts(what).with(exchange);
            // One that is answered is answered otherwise, however busy the machine is.
            return Some(match exchange.answer() {
                Some(_) => piece,
                None => contention.end().excuse_given_up(piece, took),
            });
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// The crash, and harmless requests sent before, beside and after it.
async fn crash_once(lab: &Lab, spec: &RequestSpec, status: u16, prompt: Duration) -> (Exchange, Vec<Exchange>) {
    let client = lab.http();
    let prompt = client.with_timeout(prompt);
    let others = async {
        let (begun, mut others) = (Instant::now(), Vec::new());
        while begun.elapsed() < BESIDE {
            let other = prompt.send(lab.harmless()).await;
            let failed = is_not(&other, status);
            others.push(other);
            if failed {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        others
    };
    let crash = async {
        tokio::time::sleep(BESIDE / 3).await;
        client.send(lab.fill(spec)).await
    };
    tokio::join!(crash, others)
}

async fn ready_again(lab: &Lab) -> (bool, Duration) {
    let (since, patience) = (Instant::now(), lab.beside_a_start(READY));
    loop {
        if lab.is_ready().await {
            return (true, since.elapsed());
        }
        if since.elapsed() > patience {
            return (false, since.elapsed());
        }
        tokio::time::sleep(LOOK).await;
    }
}
