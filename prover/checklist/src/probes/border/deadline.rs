//! `border.deadline`: each route has a latency budget; a request past it is answered 504 and its work is cancelled.
//!
//! - **Hypothesis**: a request that would take too long, or whose dependency never answers or drips, is answered within the
//!   service's deadline, and the service works on it no longer.
//! - **Sent**: every request of the mix with `slow`; then, with each dependency silent and then dripping a byte a second, the
//!   requests that use it, each twice. At most four requests at a time.
//! - **Decides**: no answer within the deadline plus 1 s, or a failure that is not 502, 503 or 504, falls short; so does CPU that
//!   stays busy afterwards, and a connection to the dependency that outlives a failed answer and the deadline. An answer without
//!   the dependency (2xx) is in time too. Requests are first shown to be answered as declared, and a fault that no call met says
//!   nothing. A failure that is not one of them is asked for again, as it may come from a kept connection that was reset. That
//!   work has ended is seen only by a connection of its own or by CPU that was busy before: all else is a gap.
//! - **Blast radius**: the dependencies' proxies misbehave meanwhile, reset what is open, and are mended at the end.
//! - **Bound in time**: for each dependency and fault, and for the slow requests, the deadline plus 5 s, and 2 s of looking at the
//!   CPU.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_proxy::Fault;
use keel_wire::http::Exchange;

use crate::clause::border::deadline as clause;
use crate::contention;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::{sockets, stale};
use crate::recipe::Recipe;
use crate::recipe::{Dependency, Manner, Shows, WithDependency};
use crate::subject::{Dependencies, RequestSpec};

#[cfg(test)]
mod judge_tests;
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
/// Number of requests of each kind under a fault: shared connections are distinguished from single ones.
const EACH: usize = 2;
/// Time that network and scheduler may add to the deadline.
const GRACE: Duration = Duration::from_secs(1);
/// Time for which the CPU is measured, before and after.
const LOOK: Duration = Duration::from_secs(1);
/// By how much of one CPU the service may be busier afterwards.
const BUSIER: f64 = 0.25;
/// From how much of one CPU on it is seen to work.
const WORKING: f64 = 0.05;
/// From which part of the CPU that it used on is work seen to go on.
const SAME: f64 = 0.8;
/// Between two looks at connections.
const CALLS_LOOK: Duration = Duration::from_millis(20);
/// Time that the connection of a call may stay after the answer.
const CLOSING: Duration = Duration::from_secs(2);

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let mut slow: Vec<RequestSpec> =
        lab.subject.requests.iter().filter(|spec| spec.slow && !spec.crash).cloned().collect();
    let left = slow.split_off(slow.len().min(AT_A_TIME));
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
    let mut evidence: Vec<Evidence> = left.iter().map(not_tried).collect();
    if !slow.is_empty() {
        evidence.extend(examine_slow(lab, &slow).await);
    }
    let before = cpu(lab).await;
    for dependency in dependencies.iter().flatten() {
        evidence.extend(examine_dependency(lab, dependency).await);
    }
    let after = cpu(lab).await;
    if after > before + BUSIER {
        let what = "the work goes on after the answers: the service uses";
        evidence.push(clause::CANCELLED.contradicts(format!(
            "{what} {} afterwards, {} before",
            share(after),
            share(before)
        )));
    }
    if evidence.iter().all(|piece| !piece.decides()) {
        let reason = "no request is known to take long: declare one with `slow = true`, or `uses = [\"...\"]` of a declared \
                      dependency, in [[requests]]; or dependencies = \"none\"";
        return Finding::unknown(ID, reason, evidence);
    }
    if dependencies.is_none() {
        let what = "its dependencies are not declared: declare [dependencies.NAME], or dependencies = \"none\"";
        evidence.extend(of_all(what));
    }
    Finding::judge(ID, evidence)
}

fn not_tried(spec: &RequestSpec) -> Evidence {
    clause::BUDGET.gap(format!("{} was not tried: {AT_A_TIME} requests of its kind were", spec.name))
}

/// A gap of each clause.
fn of_all(what: &str) -> [Evidence; 3] {
    [clause::BUDGET, clause::ANSWER, clause::CANCELLED].map(|clause| clause.gap(what))
}

/// The requests that are declared slow, and the CPU before, during and after them.
async fn examine_slow(lab: &Lab, specs: &[RequestSpec]) -> Vec<Evidence> {
    let before = cpu(lab).await;
    let (used, since) = (used(lab), Instant::now());
    let contention = contention::Watch::begin(lab);
    let client = lab.http();
    let exchanges = join_all(specs.iter().map(|spec| client.send(lab.fill(spec)))).await;
    let contention = contention.end();
    let during = self::used(lab).saturating_sub(used).as_secs_f64() / since.elapsed().as_secs_f64().max(0.001);
    let after = cpu(lab).await;
    let mut evidence = Vec::new();
    for (spec, exchange) in specs.iter().zip(&exchanges) {
        let declared =
            format!("{} is declared to take longer than its deadline, and did not succeed within it", spec.name);
        let deadline = deadline_of(lab, spec);
        let pieces = judge(spec, exchange, "although it would take longer", deadline)
            .map(|piece| contention.excuse(piece, exchange.took, deadline + GRACE));
        match Control::seen(true, declared, "") {
            Ok(control) => evidence.extend(pieces.map(|piece| piece.by(&control))),
            Err(failed) => evidence.push(clause::ANSWER.uncontrolled(&failed)),
        }
    }
    let figures = format!("{} before, {} meanwhile, {} afterwards", share(before), share(during), share(after));
    let (ended, what) = match worked(before, during, after) {
        Some(true) => (Some(true), "the work on slow requests ends with their answers: the service uses"),
        Some(false) => (Some(false), "the work goes on after the answer: the service uses"),
        None => (None, "it cannot be seen whether the work on slow requests ended: the service uses"),
    };
    let piece = clause::CANCELLED.maybe(ended, format!("{what} {figures}"));
    let control = Control::seen(ended.is_some(), "the service was busy with slow requests", "");
    evidence.push(control.iter().fold(piece, Evidence::by));
    evidence
}

/// Its own, when that is shorter than the service's.
fn deadline_of(lab: &Lab, spec: &RequestSpec) -> Duration {
    spec.deadline.unwrap_or(lab.subject.deadline).min(lab.subject.deadline)
}

/// Judges by the CPU that work has ended; `None` where it used none that could be seen to end. On a busy machine work that goes on uses
/// little: as much as before the answer is enough.
fn worked(before: f64, during: f64, after: f64) -> Option<bool> {
    let (work, rest) = (during - before, after - before);
    if rest > BUSIER || work >= WORKING && rest >= 2.0 * WORKING && rest >= SAME * work {
        return Some(false);
    }
    (work >= WORKING && rest <= work / 2.0).then_some(true)
}

/// The requests that use a dependency, while it is silent and while it drips.
async fn examine_dependency(lab: &Lab, name: &str) -> Vec<Evidence> {
    let mut users: Vec<RequestSpec> =
        lab.mix().into_iter().filter(|spec| spec.uses.iter().any(|used| used == name)).collect();
    if users.is_empty() {
        return of_all(&format!("no request is declared to use {name}")).to_vec();
    }
    if lab.proxy(name).is_none() {
        return of_all(&format!("{name} is not behind a fault proxy")).to_vec();
    }
    let left = users.split_off(users.len().min(AT_A_TIME));
    let mut evidence: Vec<Evidence> = left.iter().map(not_tried).collect();
    let mut working = Vec::new();
    for spec in users {
        match lab.control(&spec).await {
            Ok(_) => working.push(spec),
            Err(failed) => evidence.extend(of_all(&failed.what)),
        }
    }
    if working.is_empty() {
        return evidence;
    }
    let drip = Fault::Drip { bytes: 1, every: Duration::from_secs(1) };
    for (fault, told) in [(Fault::Hang, "is silent"), (drip, "drips a byte a second")] {
        evidence.extend(examine_fault(lab, (name, &working), fault, told).await);
    }
    evidence
}

async fn examine_fault(lab: &Lab, (name, specs): (&str, &[RequestSpec]), fault: Fault, told: &str) -> Vec<Evidence> {
    let Some(proxy) = lab.proxy(name) else { return Vec::new() };
    let is_silent = fault == Fault::Hang;
    // What is pooled is reset, so that calls are made on new connections.
    proxy.set(Fault::Down).await;
    proxy.set(fault).await;
    let (heard, port) = (proxy.heard(), proxy.address().port());
    let before = sockets::established_to(port).await;
    let contention = contention::Watch::begin(lab);
    let (client, begun) = (lab.http(), Instant::now());
    let sent: Vec<&RequestSpec> = specs.iter().flat_map(|spec| [spec; EACH]).collect();
    let mut answering = std::pin::pin!(join_all(sent.iter().map(|spec| stale::past(lab, &client, spec))));
    let mut calls = BTreeSet::new();
    let mut looks = tokio::time::interval(CALLS_LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let exchanges = loop {
        tokio::select! {
            exchanges = &mut answering => break exchanges,
            _ = looks.tick() => calls.extend(sockets::established_to(port).await.difference(&before)),
        }
    };
    let contention = contention.end();
    let met = Control::fault_met(proxy.heard().saturating_sub(heard), name);
    let told = format!("although {name} {told}");
    let mut evidence = Vec::new();
    match met {
        Ok(control) => {
            let failed = all_failed(&exchanges);
            let succeeded = exchanges.iter().all(|exchange| class(exchange) == Some(2));
            let deadline = lab.subject.deadline;
            for (spec, exchange) in sent.iter().zip(&exchanges).step_by(EACH) {
                let [budget, answer] = judge(spec, exchange, &told, deadline)
                    .map(|piece| contention.excuse(piece, exchange.took, deadline + GRACE));
                // Probes of the calls state the same.
                let fact = format!("with {name} silent, {} is answered within the deadline", spec.name);
                let in_time = budget.is_for();
                let budget = if is_silent && budget.decides() { budget.fact(fact, in_time) } else { budget };
                let manner = if is_silent { Manner::Hangs } else { Manner::Drips };
                let shown = without_answer(lab, (name, manner), exchange);
                let shown_by = |piece: Evidence| shown.clone().into_iter().fold(piece, Evidence::reproduced_by);
                evidence.extend([budget, answer].map(shown_by));
            }
            let unanswered = exchanges.iter().any(|exchange| class(exchange).is_none());
            let calls = Calls { sent: sent.len(), connections: calls, failed, succeeded, unanswered };
            evidence.push(calls.ended(lab, port, begun, &told).await);
            evidence = evidence.into_iter().map(|piece| piece.by(&control)).collect();
        }
        Err(failed) => evidence.extend(of_all(&format!("{told}: {}", failed.what))),
    }
    proxy.set(Fault::None).await;
    evidence
}

/// The first digit of its status; none without an answer.
fn class(exchange: &Exchange) -> Option<u16> {
    exchange.status().map(|status| status.as_u16() / 100)
}

/// Returns true if no request was accepted: each is answered with a 5xx, or not at all.
fn all_failed(exchanges: &[Exchange]) -> bool {
    exchanges.iter().all(|exchange| matches!(class(exchange), None | Some(5)))
}

/// The calls that met a fault.
struct Calls {
    /// The number of requests that caused them.
    sent: usize,
    /// The own ports of the connections on which they were made.
    connections: BTreeSet<u16>,
    /// Every request failed, or has no answer: nothing was accepted to be finished later.
    failed: bool,
    /// Every request succeeded: nothing was past its budget.
    succeeded: bool,
    /// A request had no answer before keel left, and what ends then does not end by a deadline.
    unanswered: bool,
}

impl Calls {
    /// Judges that they end when the requests have been answered.
    async fn ended(&self, lab: &Lab, port: u16, begun: Instant, told: &str) -> Evidence {
        if self.connections.is_empty() && self.succeeded {
            return clause::CANCELLED.figure(format!("{told}: every request succeeded before a call was seen"));
        }
        let answered = begun.elapsed();
        let patience = (answered + CLOSING).max(lab.subject.deadline + GRACE);
        let mut left = self.connections.len();
        while left > 0 && begun.elapsed() < patience {
            left = sockets::established_to(port).await.intersection(&self.connections).count();
            tokio::time::sleep(CALLS_LOOK).await;
        }
        let in_time = begun.elapsed() <= answered + CLOSING + GRACE;
        let (ended, what) = self.judge(left, in_time);
        let all = self.connections.len();
        clause::CANCELLED
            .maybe(ended, format!("{told}: {left} of {all} connections of {} requests remain: {what}", self.sent))
    }

    fn judge(&self, left: usize, in_time: bool) -> (Option<bool>, &'static str) {
        match left {
            _ if self.connections.is_empty() => (None, "no new connection was seen, so no end of one"),
            0 if self.unanswered => (None, "the calls ended when their callers left, not with a deadline"),
            0 if in_time => (Some(true), "the calls ended with the answers"),
            0 => (None, "the calls ended later than the answers, by a deadline of their own"),
            _ if self.connections.len() < self.sent => (None, "calls share connections, so their end cannot be seen"),
            _ if !self.failed => (None, "requests were answered with success, so the work may rightly go on"),
            _ => (Some(false), "the calls go on after the answers"),
        }
    }
}

fn judge(spec: &RequestSpec, exchange: &Exchange, why: &str, deadline: Duration) -> [Evidence; 2] {
    let name = &spec.name;
    let took = exchange.took;
    let in_time = took <= deadline + GRACE;
    let status = exchange.status().map(|status| status.as_u16());
    let (good, what) = match status {
        None => (Some(false), format!("{name} has no answer after {took:.1?}, {why}; the deadline is {deadline:?}")),
        Some(status) if !in_time => (
            Some(false),
            format!("{name} is answered {status} only after {took:.1?}, {why}; the deadline is {deadline:?}"),
        ),
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
    let answer = clause::ANSWER.maybe(good, what).with(exchange);
    [budget, answer]
        .map(|piece| piece.reproduced_by(recipe(exchange, deadline, status.filter(|_| took <= deadline + GRACE))))
}

/// Asks again: it is answered late, or in time with a 5xx that does not say that its time was over.
fn recipe(exchange: &Exchange, deadline: Duration, in_time: Option<u16>) -> Recipe {
    match in_time {
        Some(_) => Recipe::again(exchange, Shows::Found("^5(?!0[2-4])".to_owned())),
        None => Recipe::unanswered(exchange, deadline + GRACE),
    }
}

/// Asks with a stand-in of this manner in the dependency's place.
fn without_answer(lab: &Lab, (name, manner): (&str, Manner), exchange: &Exchange) -> Option<Recipe> {
    let within = lab.subject.deadline + GRACE;
    let fault = match exchange.status().filter(|_| exchange.took <= within) {
        Some(_) => WithDependency::Answer(Shows::Found("^5(?!0[2-4])".to_owned())),
        None => WithDependency::NoAnswer,
    };
    Dependency::of(&lab.subject, name, manner, (exchange.request.clone(), within), fault)
}

/// The CPU time that the service has used.
fn used(lab: &Lab) -> Duration {
    lab.usage().map(|usage| usage.cpu).unwrap_or_default()
}

/// Returns the CPU usage of the service, as a part of one CPU.
async fn cpu(lab: &Lab) -> f64 {
    let look = lab.pace.of(LOOK);
    let before = used(lab);
    tokio::time::sleep(look).await;
    used(lab).saturating_sub(before).as_secs_f64() / look.as_secs_f64()
}

fn share(part: f64) -> String {
    format!("{:.0} % of a CPU", 100.0 * part)
}
