//! `call.timeout`: every remote call ends by a deadline; none can wait for ever.
//!
//! - **Hypothesis**: with a dependency that takes no connection, is silent, or drips, each request that uses it is answered within
//!   the deadline, the calls that it caused have ended by then too, and others notice nothing.
//! - **Sent**: for each dependency, silent, then dripping a byte a second, then with a port whose queue of connections is full (again for 8 s while no
//!   connection is begun, as a breaker may be open): at most eight requests that use it at once, and a harmless one meanwhile. When connections stay open, the same requests again.
//! - **Decides**: no answer within the deadline plus 1 s; connections of that time that are open then, and more of them when
//!   the requests are sent again; a harmless request that is no longer answered. A connection that stays open and carries further calls
//!   is one that calls share. Pooled connections are reset before, so that calls are made on new ones, which can be told
//!   apart; a failure in time that is not 502, 503 or 504 may come from one of them and is asked for again. A fault that no call
//!   met is a gap. Where the address says TLS, silence meets the handshake, and first byte and body
//!   are gaps; where it says that there is none, the clause speaks of nothing; where it says neither, it is a gap. Connections that are
//!   still being opened when the deadline is over are a gap: the system ends them in the end.
//! - **Blast radius**: the dependency's proxy misbehaves meanwhile, and is mended at the end.
//! - **Bound in time**: for each dependency and fault twice the deadline plus 4 s; none is begun for which no time is left of 110 s.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use keel_proxy::Fault;
use keel_wire::http::Exchange;

use self::open_calls::OpenCalls;
use self::transport::Transport;
use self::unaccepting::Unaccepting;
use super::support::by_dependency::Timetable;
use super::support::facts;
use super::support::proxied_dependency::{self, Dependent, GRACE, Met, seen_under};
use crate::clause::Clause;
use crate::clause::call::timeout as clause;
use crate::contention;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::sockets;
use crate::recipe::{self, Manner, WithDependency};
use crate::subject::{Dependencies, RequestSpec};

#[cfg(test)]
mod judge_tests;
mod open_calls;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;
mod transport;
mod unaccepting;

const ID: &str = "call.timeout";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Time within which others must be answered meanwhile, or so many times what they take in peace.
const PROMPT: Duration = Duration::from_secs(2);
const SLOWER: u32 = 3;
/// A client that shares one connection among its calls may notice only by the next call that it was reset: then that is the one
/// that meets the fault.
const TRIES: u32 = 2;
/// A breaker that the first refused calls opened lets none through for a while: requests are sent again until a call is made, or for so long.
const OPEN_BREAKER: Duration = Duration::from_secs(8);
const BETWEEN_TRIES: Duration = Duration::from_millis(500);
/// Between two looks at connections that are being opened.
const LOOK: Duration = Duration::from_millis(10);
/// Time that a fault takes beside the deadline: a repaired dependency may not be called for a while.
const BESIDE: Duration = Duration::from_secs(10);

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let mut timetable = Timetable::begin(lab);
    let (dependents, mut evidence) = match proxied_dependency::all(ID, lab).await {
        Ok(found) => found,
        Err(finding) => return finding,
    };
    for dependent in &dependents {
        let transport = transport_of(lab, &dependent.name);
        let first = if transport == Transport::Tls { clause::TLS } else { clause::FIRST_BYTE };
        let drip = Fault::Drip { bytes: 1, every: Duration::from_secs(1) };
        let mut faults = vec![(Fault::Hang, first, "silent")];
        if transport != Transport::Tls {
            faults.push((drip, clause::BODY, "dripping a byte a second"));
        }
        evidence.extend(not_tried(lab, &dependent.name, transport));
        for (fault, clause, told) in faults {
            if !has_time(lab, &mut timetable) {
                evidence.push(
                    clause.gap(format!("{} {told} was not tried: the time of the probe was over", dependent.name)),
                );
                continue;
            }
            evidence.extend(under_fault(lab, dependent, (fault, clause), told).await);
            evidence.push(dependent.recovery(lab, clause::DEADLINE).await);
        }
        if has_time(lab, &mut timetable) {
            evidence.extend(unaccepted(lab, dependent).await);
            evidence.push(dependent.recovery(lab, clause::DEADLINE).await);
        } else {
            let what = format!("a full queue of {} was not tried: the time of the probe was over", dependent.name);
            evidence.push(clause::CONNECT.gap(what));
        }
    }
    Finding::judge(ID, evidence)
}

fn has_time(lab: &Lab, timetable: &mut Timetable) -> bool {
    timetable.has((lab.subject.deadline + GRACE) * 2 + BESIDE)
}

fn transport_of(lab: &Lab, name: &str) -> Transport {
    let Dependencies::Declared(declared) = &lab.subject.dependencies else { return Transport::Unsaid };
    declared.iter().find(|one| one.name == name).map_or(Transport::Unsaid, |one| Transport::of(&one.url))
}

/// Returns the gaps: the parts about TLS that a plain dependency leaves open, and the others for one over TLS.
fn not_tried(lab: &Lab, name: &str, transport: Transport) -> Vec<Evidence> {
    let scheme = lab.dependency_url(name).map_or_else(String::new, |url| format!("{}://", url.scheme()));
    match transport {
        Transport::Plain => vec![clause::TLS.is_void(&format!("no TLS ({scheme}) for {name}"))],
        Transport::Tls => {
            let what = format!("{name} is reached over TLS, and the proxy is silent or drips from the handshake on");
            vec![clause::FIRST_BYTE.gap(&what), clause::BODY.gap(what)]
        }
        Transport::Unsaid => {
            let what = format!(
                "whether {name} is reached over TLS is not said: for PostgreSQL add sslmode=disable or sslmode=require to its \
                 url, for others say tcp:// or tls://, and in `value` what the variable carries"
            );
            vec![clause::TLS.gap(what)]
        }
    }
}

/// Observes the service under one fault.
async fn under_fault(lab: &Lab, dependent: &Dependent, (fault, clause): (Fault, Clause), told: &str) -> Vec<Evidence> {
    let Some(proxy) = lab.proxy(&dependent.name) else { return Vec::new() };
    let (name, port) = (&dependent.name, proxy.address().port());
    let bystander = bystander(lab, name).await;
    let limit = prompt(bystander.as_ref().map(|(_, peace)| peace.took));
    dependent.begin_on_new_connections(lab, fault.clone()).await;
    let mut tries = 0;
    let contention = contention::Watch::begin(lab);
    let (answers, met, calls, harmless) = loop {
        let before = sockets::established_to(port).await;
        let meanwhile = async {
            let calls = OpenCalls::watch(lab, port, &before).await;
            (calls, still_answered(lab, clause, bystander.as_ref(), &format!("while {name} is {told}")).await)
        };
        let ((answers, met), (calls, harmless)) = tokio::join!(dependent.waiting(lab, fault.clone()), meanwhile);
        tries += 1;
        if met.is_ok() || tries == TRIES {
            break (answers, met, calls, harmless);
        }
    };
    let contention = contention.end();
    let mut evidence: Vec<Evidence> =
        // One that is given up has taken as long as it may.
        harmless.into_iter().map(|(piece, took)| contention.excuse(piece, took, limit - GRACE)).collect();
    for (spec, exchange) in &answers {
        let (in_time, piece) = judge(lab.subject.deadline, clause, spec, exchange, (name, told), &met);
        let piece = contention.excuse(piece, exchange.took, lab.subject.deadline + GRACE);
        let speaks = fault == Fault::Hang && piece.decides();
        let fact = facts::answered_while_silent(name, &spec.name);
        let ask = (exchange.request.clone(), lab.subject.deadline + GRACE);
        let manner = if fault == Fault::Hang { Manner::Hangs } else { Manner::Drips };
        let recipe = recipe::Dependency::of(&lab.subject, name, manner, ask, WithDependency::NoAnswer);
        let piece = recipe.into_iter().fold(piece, Evidence::reproduced_by);
        evidence.push(if speaks { piece.fact(fact, in_time) } else { piece });
    }
    let (contention, limit) = (contention::Watch::begin(lab), lab.subject.deadline + GRACE);
    let piece = calls.end(lab, dependent, (fault, told), limit, &met).await;
    // When a call that is open at the limit would have ended is not known: soon after, if it ends at all.
    evidence.push(contention.end().excuse(piece, limit + GRACE, limit));
    evidence
}

/// Observes the service while the dependency's port accepts no connection.
async fn unaccepted(lab: &Lab, dependent: &Dependent) -> Vec<Evidence> {
    let (name, told) = (&dependent.name, "taking no connection");
    let Some(proxy) = lab.proxy(name) else { return Vec::new() };
    let address = proxy.address();
    proxy.set(Fault::Down).await;
    let full = match Unaccepting::at(address).await {
        Ok(full) => full,
        Err(error) => {
            let what = format!("no port could be made that takes no connection, in the place of {name}: {error}");
            return vec![clause::CONNECT.gap(what)];
        }
    };
    let contention = contention::Watch::begin(lab);
    let until = Instant::now() + lab.pace.of(OPEN_BREAKER);
    let (answers, connecting, begun) = loop {
        let begun = Instant::now();
        let (answers, connecting) = answered_and_connecting(lab, dependent, address.port()).await;
        if !connecting.is_empty() || Instant::now() > until {
            break (answers, connecting, begun);
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    };
    let behind = still_connecting(&connecting, address.port(), begun + lab.subject.deadline + GRACE).await;
    drop(full);
    let met = Control::seen(
        !connecting.is_empty(),
        format!("{} connections to {name} were begun, and not taken", connecting.len()),
        format!("no connection to {name} was begun while it took none"),
    );
    let contention = contention.end();
    let judged = answers.iter().map(|(spec, exchange)| {
        let piece = judge(lab.subject.deadline, clause::CONNECT, spec, exchange, (name, told), &met).1;
        contention.excuse(piece, exchange.took, lab.subject.deadline + GRACE)
    });
    let mut evidence: Vec<Evidence> = judged.collect();
    if behind > 0 {
        evidence.push(clause::CONNECT.gap(format!(
            "{behind} connections to {name} were still being opened {:?} after the requests that caused them: whether they have a \
             deadline, or end when the system gives up, is not seen",
            lab.subject.deadline + GRACE
        )));
    }
    evidence
}

/// Returns the number of these connections that are still being opened at `until`, or 0 once none is.
async fn still_connecting(these: &BTreeSet<u16>, port: u16, until: Instant) -> usize {
    loop {
        let still = sockets::connecting_to(port).await.intersection(these).count();
        if still == 0 || Instant::now() > until {
            return still;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The answers of the requests, and the own ports of connections that were being opened meanwhile.
async fn answered_and_connecting(
    lab: &Lab,
    dependent: &Dependent,
    port: u16,
) -> (Vec<(RequestSpec, Exchange)>, BTreeSet<u16>) {
    let before = sockets::connecting_to(port).await;
    let mut connecting: BTreeSet<u16> = BTreeSet::new();
    let looking = async {
        loop {
            connecting.extend(sockets::connecting_to(port).await.difference(&before));
            tokio::time::sleep(LOOK).await;
        }
    };
    let answers = tokio::select! {
        answers = dependent.answers_past_resets(lab) => answers,
        never = looking => never,
    };
    (answers, connecting)
}

/// Judges that a request was answered within the deadline.
fn judge(
    deadline: Duration,
    clause: Clause,
    spec: &RequestSpec,
    exchange: &Exchange,
    (name, told): (&str, &str),
    met: &Met,
) -> (bool, Evidence) {
    let took = exchange.took;
    let in_time = exchange.answer().is_some() && took <= deadline + GRACE;
    let outcome = match exchange.status() {
        Some(status) => format!("is answered {} after {took:.1?}", status.as_u16()),
        None => format!("has no answer after {took:.1?}"),
    };
    let what = format!("with {name} {told}, {} {outcome}; the deadline is {deadline:?}", spec.name);
    (in_time, seen_under(clause, in_time, what, met).with(exchange))
}

/// A request that reads and does not use the dependency, with its status in peace.
async fn bystander(lab: &Lab, dependency: &str) -> Option<(RequestSpec, Exchange)> {
    let uses = |spec: &RequestSpec| spec.uses.iter().any(|used| used == dependency);
    let spec = lab.mix().into_iter().find(|spec| spec.only_reads() && !uses(spec))?;
    let peace = lab.http().send(lab.fill(&spec)).await;
    (peace.status()?.as_u16() < 500).then_some((spec, peace))
}

/// The time limit of a bystander that takes so long in peace.
fn prompt(in_peace: Option<Duration>) -> Duration {
    PROMPT.max(in_peace.unwrap_or_default() * SLOWER)
}

/// Observes a bystander: an answer as before is no more than a circumstance.
async fn still_answered(
    lab: &Lab,
    clause: Clause,
    bystander: Option<&(RequestSpec, Exchange)>,
    when: &str,
) -> Option<(Evidence, Duration)> {
    let (spec, peace) = bystander?;
    let exchange = lab.http().with_timeout(prompt(Some(peace.took))).send(lab.fill(spec)).await;
    let same = exchange.status() == peace.status();
    let what = format!("{when}, {}, which does not use it,", spec.name);
    let piece = match same {
        true => clause.figure(format!("{what} is answered as before")),
        false => clause.contradicts(format!("{what} is not answered as before")).with(&exchange),
    };
    Some((piece, exchange.took))
}
