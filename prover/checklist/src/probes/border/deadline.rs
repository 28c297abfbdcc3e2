//! `border.deadline`: each route has a latency budget; a request past it is answered 504 and its work is cancelled.
//!
//! - **Hypothesis**: a request that would take too long, or whose dependency never answers, is answered within the service's
//!   deadline, and the service works on it no longer.
//! - **Sent**: every request of the mix with `slow`; then, with each dependency silent in turn, the requests that use it. At most
//!   four at a time.
//! - **Decides**: no answer within the deadline plus 1 s, or a failure that is not 502, 503 or 504, falls short; so does CPU that
//!   stays busy afterwards. An answer without the dependency (2xx) is in time too. What waits without using the CPU
//!   cannot be seen from outside.
//! - **Blast radius**: the dependencies' proxies are silent meanwhile and mended at the end.
//! - **Bound in time**: for each dependency and for the slow requests, the deadline plus 5 s, and 4 s of looking at the CPU.

use std::time::Duration;

use futures_util::future::join_all;
use keel_proxy::Fault;
use keel_wire::http::Exchange;

use crate::clause::border::deadline as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::sockets;
use crate::subject::{Dependencies, RequestSpec};

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "border.deadline";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The most requests at a time.
const AT_A_TIME: usize = 4;
/// What the wire and the scheduler may add to the deadline.
const GRACE: Duration = Duration::from_secs(1);
/// How long the CPU is looked at, before and after.
const LOOK: Duration = Duration::from_secs(2);
/// By how much of one CPU the service may be busier afterwards.
const BUSIER: f64 = 0.25;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let slow: Vec<RequestSpec> =
        lab.subject.requests.iter().filter(|spec| spec.slow && !spec.crash).take(AT_A_TIME).cloned().collect();
    let dependencies = match &lab.subject.dependencies {
        Dependencies::Declared(dependencies) => {
            Some(dependencies.iter().map(|one| one.name.clone()).collect::<Vec<_>>())
        }
        Dependencies::Unsaid => None,
    };
    if slow.is_empty() && dependencies.as_ref().is_some_and(Vec::is_empty) {
        let reason =
            "dependencies = \"none\" is declared and no request is declared slow: nothing makes a request wait";
        return Finding::not_applicable(ID, reason, Vec::new());
    }
    let mut evidence = Vec::new();
    let before = cpu(lab).await;
    if !slow.is_empty() {
        evidence.extend(examine_batch(lab, &slow, "although it would take longer").await);
    }
    for dependency in dependencies.unwrap_or_default() {
        evidence.extend(examine_silence(lab, &dependency).await);
    }
    if evidence.iter().all(|piece| !piece.decides()) {
        let reason = "no request is known to take long: declare one with `slow = true`, or `uses = [\"...\"]` of a declared \
                      dependency, in [[requests]]; or dependencies = \"none\"";
        return Finding::unknown(ID, reason, evidence);
    }
    evidence.push(cancelled(lab, before).await);
    Finding::judge(ID, evidence)
}

/// The requests that use a dependency, while it is silent.
async fn examine_silence(lab: &Lab, dependency: &str) -> Vec<Evidence> {
    let users = lab.mix().into_iter().filter(|spec| spec.uses.iter().any(|used| used == dependency));
    let users: Vec<RequestSpec> = users.take(AT_A_TIME).collect();
    if users.is_empty() {
        return vec![clause::ANSWER.gap(format!("no request is declared to use {dependency}"))];
    }
    let Some(proxy) = lab.proxy(dependency) else {
        return vec![clause::ANSWER.gap(format!("{dependency} is not behind a fault proxy"))];
    };
    let port = proxy.address().port();
    let connections = sockets::established_to(port).await;
    proxy.set(Fault::Hang).await;
    let mut evidence = examine_batch(lab, &users, &format!("although {dependency} is silent")).await;
    let left = sockets::established_to(port).await.difference(&connections).count();
    // Not judged: work that is to be finished later may rightly go on trying.
    evidence.push(
        clause::CANCELLED
            .figure(format!("{left} connections more than before lead to the silent {dependency} afterwards")),
    );
    proxy.set(Fault::None).await;
    evidence
}

async fn examine_batch(lab: &Lab, specs: &[RequestSpec], why: &str) -> Vec<Evidence> {
    let client = lab.http();
    let exchanges = join_all(specs.iter().map(|spec| client.send(lab.fill(spec)))).await;
    let judged =
        specs.iter().zip(&exchanges).flat_map(|(spec, exchange)| judge(spec, exchange, why, lab.subject.deadline));
    judged.collect()
}

fn judge(spec: &RequestSpec, exchange: &Exchange, why: &str, deadline: Duration) -> [Evidence; 2] {
    let name = &spec.name;
    let took = exchange.took;
    let in_time = took <= deadline + GRACE;
    let status = exchange.status().map(|status| status.as_u16());
    let (good, what) = match status {
        None => (Some(false), format!("{name} has no answer after {took:.1?}, {why}; the deadline is {deadline:?}")),
        Some(status) if !in_time => {
            (Some(false), format!("{name} is answered {status} only after {took:.1?}; the deadline is {deadline:?}"))
        }
        Some(status @ 502..=504) => (Some(true), format!("{name} is answered {status} after {took:.1?}, {why}")),
        Some(status @ 200..=299) if spec.slow => {
            (None, format!("{name} is declared slow and was answered {status} after {took:.1?}: it says nothing"))
        }
        Some(status @ 200..=299) => (Some(true), format!("{name} is answered {status} after {took:.1?}, {why}")),
        Some(status @ 500..) => (Some(false), format!("{name} is answered {status}, not 504, after {took:.1?}, {why}")),
        Some(status) => (None, format!("{name} is refused with {status} before it waits for anything")),
    };
    let in_time = good.map(|_| status.is_some() && in_time);
    let budget =
        clause::BUDGET.maybe(in_time, format!("{name} ends after {took:.1?}, {why}; the deadline is {deadline:?}"));
    [budget, clause::ANSWER.maybe(good, what).with(exchange)]
}

/// What part of one CPU the service uses.
async fn cpu(lab: &mut Lab) -> f64 {
    let before = lab.process().usage().cpu;
    tokio::time::sleep(LOOK).await;
    lab.process().usage().cpu.saturating_sub(before).as_secs_f64() / LOOK.as_secs_f64()
}

async fn cancelled(lab: &mut Lab, before: f64) -> Evidence {
    let after = cpu(lab).await;
    let good = after <= before + BUSIER;
    let told = if good { "the work has ended" } else { "the work goes on after the answer" };
    let (before, after) = (100.0 * before, 100.0 * after);
    clause::CANCELLED
        .saw(good, format!("{told}: the service uses {after:.0} % of a CPU afterwards, {before:.0} % before"))
}
