//! `life.drain`: after SIGTERM readiness falls first, requests in flight are finished, no client is cut off, and it ends in time with code 0.
//!
//! - **Hypothesis**: after SIGTERM readiness stops answering 2xx before new connections are refused; every request that was begun
//!   gets its whole answer; the process ends within the declared drain time with code 0 and leaves no process behind, idle
//!   keep-alive connections or not.
//! - **Sent**: held in flight, up to sixteen requests that use a dependency, which is made slow, and requests whose body is half sent
//!   until after SIGTERM, and the longest answer of the mix, of `/` or of what it links to (256 KiB to 8 MiB), which is taken slowly;
//!   readiness is asked all the time, and a harmless request on new connections and on one that is kept.
//!   Then a second run with idle connections, and a third in which accepted connections have a whole request each that is unread at
//!   SIGTERM: the service is frozen (SIGSTOP) while they are sent.
//! - **Decides**: any of these not being so. Without a declared readiness path its fall is a gap. One that handles SIGTERM and raises
//!   it again at its end (as uvicorn does) ends well. A request that is not answered as declared by itself is left out, and a gap. A transfer is judged by its bytes; an accepted
//!   connection must be answered whole or closed in order. Where nothing can be held in flight (no slow dependency, no request with a body) it is
//!   not known what would become of it.
//! - **Blast radius**: the service is stopped three times; what the held requests do.
//! - **Bound in time**: three times the declared drain and start time.

mod accepted;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;
mod traffic;
mod transfer;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_drill::process::Exit;
use keel_proxy::Fault;
use keel_wire::http::{Exchange, Request};
use keel_wire::raw::{Ended, Heard, RawConnection};

use self::traffic::{LOOK, PATIENCE, Traffic};
use self::transfer::Transfer;
use crate::clause::life::drain as clause;
use crate::contention;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::life::starved;
use crate::probes::support::listener::{self, Listener};
use crate::probes::support::signals;
use crate::recipe::Recipe;
use crate::recipe::Terminate;
use crate::subject::{Dependencies, RequestSpec};

const ID: &str = "life.drain";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Time for which a slow dependency holds its answer back.
const SLOW: Duration = Duration::from_millis(1500);
/// Time for which requests have been in flight when SIGTERM comes.
const BEFORE: Duration = Duration::from_millis(300);
/// Time after SIGTERM at which the rest of a half-sent body is sent.
const REST: Duration = Duration::from_millis(700);
/// The most requests that are held in each way.
const HELD: usize = 16;
/// Idle connections of the second run.
const IDLE: usize = 3;
/// The bound of one look.
const LOOK_BOUND: Duration = Duration::from_millis(500);
const SIGTERM: i32 = 15;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let listener = match Listener::of(lab).await {
        Ok(listener) => listener,
        Err(reason) => return Finding::unknown(ID, reason, Vec::new()),
    };
    let (mut evidence, held, finished) = busy(lab, &listener).await;
    for dependency in held_dependencies(lab) {
        if let Some(proxy) = lab.proxy(&dependency) {
            proxy.set(Fault::None).await;
        }
    }
    lab.stop().await;
    match lab.start_with(|_| {}).await {
        Ok(_) => {
            evidence.extend(idle(lab, &listener, finished).await);
            evidence.push(accepted::examine(lab).await);
        }
        Err(failure) => {
            let what = format!("it does not start again after a drain: {failure}");
            evidence.push(starved::not_started(lab, clause::EXIT_CODE, what));
        }
    }
    if held == 0 {
        let reason = "no request could be held in flight: declare one with a body, or one that `uses` a dependency, in [[requests]]";
        evidence.push(clause::IN_FLIGHT.gap(reason));
    }
    Finding::judge(ID, evidence)
}

/// Observations from SIGTERM on, beside the requests in flight.
#[derive(Debug, Default)]
struct Seen {
    /// The time at which readiness first was not 2xx.
    unready: Option<Duration>,
    /// True if readiness was answered then, and not just refused.
    unready_by_answer: bool,
    /// The time at which a new connection to the public listener was first refused.
    refused: Option<Duration>,
}

/// The first run: with requests in flight. What was seen, how many were held, and whether any of that was finished.
async fn busy(lab: &mut Lab, listener: &Listener) -> (Vec<Evidence>, usize, Option<bool>) {
    let users: Vec<RequestSpec> = lab.mix().into_iter().filter(|spec| !spec.uses.is_empty()).collect();
    let mut evidence = Vec::new();
    let users = answered_in_peace(lab, users, &mut evidence).await;
    let halves = answered_in_peace(lab, half_sendable(lab), &mut evidence).await;
    let halves: Vec<(RequestSpec, Request)> = halves.into_iter().map(|spec| (spec.clone(), lab.fill(&spec))).collect();
    for dependency in held_dependencies(lab) {
        if let Some(proxy) = lab.proxy(&dependency) {
            proxy.set(Fault::Latency(SLOW)).await;
        }
    }
    let patience = lab.subject.drain_timeout;
    let running: &Lab = lab;
    let traffic = Traffic::of(running, listener).await;
    let transfer = Transfer::of(running, listener).await;
    let handled = handles_sigterm(running);
    let contention = contention::Watch::begin(running);
    let begun = Instant::now();
    let asked = begun + BEFORE;
    // As long as any other client waits, and no longer than the service may run.
    let answer = PATIENCE.max(running.subject.deadline.min(patience));
    let waiting = join_all(users.iter().map(|spec| async move {
        let exchange = running.http().send(running.fill(spec)).await;
        (spec.clone(), exchange, Instant::now())
    }));
    let half = join_all(halves.iter().map(|(spec, request)| async move {
        (spec.clone(), half_sent(listener, request, asked, answer).await, Instant::now())
    }));
    let watching = async {
        tokio::time::sleep_until(asked.into()).await;
        running.signal(SIGTERM);
        watch(running, listener, asked, patience).await
    };
    let asking = async {
        match &traffic {
            Some(traffic) => Some(traffic.watch(asked, asked + patience).await),
            None => None,
        }
    };
    let taking = async {
        match &transfer {
            Some(transfer) => Some(transfer.take(listener, asked, asked + REST).await),
            None => None,
        }
    };
    let (waiting, half, seen, others, taken) = tokio::join!(waiting, half, watching, asking, taking);
    let contention = contention.end();
    let mut held = 0;
    let mut last = None;
    for (spec, exchange, ended) in waiting.into_iter().filter(|(.., ended)| *ended > asked) {
        held += 1;
        last = last.max(Some(ended));
        let good = exchange.status().is_some_and(|status| spec.expects(status.as_u16()));
        let piece = answered(good, &spec.name, "which waits for a slow dependency", &exchange);
        evidence.push(contention.excuse(piece, exchange.took, running.subject.deadline));
    }
    for (spec, half, ended) in half {
        let given_up = matches!(&half, Half::Held(heard) if heard.ended == Ended::StillOpen);
        let (heard, good) = match half {
            Half::Early(heard) => {
                let what = format!("{}, whose body was half sent, is answered before SIGTERM", spec.name);
                evidence.push(clause::IN_FLIGHT.figure(what).showing(listener::told(&heard)));
                continue;
            }
            Half::Held(heard) => {
                let answer = listener::answers(&heard.bytes).first().copied();
                let whole = answer.is_some_and(|answer| answer.complete || heard.ended == Ended::Closed);
                let good = whole && heard.status().is_some_and(|status| spec.expects(status));
                (listener::told(&heard), good)
            }
            Half::Broken(reason) => (reason, false),
        };
        held += 1;
        last = last.max(Some(ended));
        let told = if good { "is answered whole" } else { "is not answered as it should be" };
        let what = format!("{}, whose body was half sent at SIGTERM, {told}", spec.name);
        let piece = clause::IN_FLIGHT.saw(good, what).showing(heard);
        let piece = if given_up { contention.excuse_given_up(piece, answer) } else { piece };
        let request = halves.iter().find(|(known, _)| known.name == spec.name).map(|(_, request)| request);
        evidence.push(match request {
            Some(request) => piece.reproduced_by(half_recipe(listener, &spec, request)),
            None => piece,
        });
    }
    match taken {
        Some(taken) => {
            last = last.max(taken.ended);
            evidence.push(match taken.stalled {
                Some(stalled) => contention.excuse_given_up(taken.evidence, stalled),
                None => taken.evidence,
            });
        }
        None => {
            evidence.push(clause::TRANSFER.gap(
                "neither the mix nor / nor what it links to has an answer of 256 KiB to 8 MiB: declare a GET of one",
            ))
        }
    }
    let finished = finished(&evidence);
    if let Some(others) = others {
        evidence.extend(others.evidence(seen.unready, contention));
    }
    evidence.extend(order(running.subject.ready.as_deref(), &seen, last.map(|at| at - asked)));
    evidence.extend(end(lab, asked, patience, Handler { handled, finished }).await);
    (evidence, held, finished)
}

/// True if work that was under way at SIGTERM was finished; `None` if there was none.
fn finished(evidence: &[Evidence]) -> Option<bool> {
    let is_of_work = |piece: &&Evidence| {
        piece.decides() && [clause::IN_FLIGHT.id(), clause::TRANSFER.id()].map(Some).contains(&piece.clause())
    };
    let mut work = evidence.iter().filter(is_of_work).peekable();
    work.peek()?;
    Some(work.any(Evidence::is_for))
}

/// Sends half of the body, SIGTERM and the rest.
fn half_recipe(listener: &Listener, spec: &RequestSpec, request: &Request) -> Recipe {
    let head = listener.head(request, &format!("Content-Length: {}\r\n", request.body.len()));
    let status = spec.expect.map_or_else(|| "[23]".to_owned(), |status| status.to_string());
    Recipe::Terminate(Terminate::HalfSent { head, body: request.body.to_vec(), status })
}

/// Dependencies that requests of the mix wait for.
fn held_dependencies(lab: &Lab) -> Vec<String> {
    let Dependencies::Declared(declared) = &lab.subject.dependencies else { return Vec::new() };
    declared.iter().map(|one| one.name.clone()).collect()
}

/// Requests of the mix with a body long enough to be sent in halves.
fn half_sendable(lab: &Lab) -> Vec<RequestSpec> {
    let bodied =
        lab.mix().into_iter().filter(|spec| spec.uses.is_empty() && (spec.json.is_some() || spec.body.is_some()));
    bodied.filter(|spec| lab.fill(spec).body.len() > 1).collect()
}

/// Those that are answered as declared by themselves: what is refused in peace says nothing of a drain.
async fn answered_in_peace(lab: &Lab, mut specs: Vec<RequestSpec>, evidence: &mut Vec<Evidence>) -> Vec<RequestSpec> {
    let left_out: Vec<String> = specs.drain(specs.len().min(HELD)..).map(|spec| spec.name).collect();
    if !left_out.is_empty() {
        let what = format!("only {HELD} requests of a kind were held in flight, and not {}", left_out.join(", "));
        evidence.push(clause::IN_FLIGHT.gap(what));
    }
    let mut answered = Vec::new();
    for spec in specs {
        match lab.control(&spec).await {
            Ok(_) => answered.push(spec),
            Err(failed) => evidence.push(clause::IN_FLIGHT.uncontrolled(&failed)),
        }
    }
    answered
}

/// Outcome of a request whose body was half sent.
enum Half {
    /// It was answered, or its connection closed, before SIGTERM: it was not held.
    Early(Heard),
    /// This came after the rest was sent.
    Held(Heard),
    /// It could not be sent, for this reason.
    Broken(String),
}

/// Sends the head and half of the body now, the rest some time after `asked`, when SIGTERM is sent; waits so long for the answer.
async fn half_sent(listener: &Listener, request: &Request, asked: Instant, answer: Duration) -> Half {
    match halves(listener, request, asked, answer).await {
        Ok(half) => half,
        Err(error) => Half::Broken(error.to_string()),
    }
}

async fn halves(listener: &Listener, request: &Request, asked: Instant, answer: Duration) -> std::io::Result<Half> {
    let mut connection = listener.open().await?;
    let length = format!("Content-Length: {}\r\n", request.body.len());
    let (first, rest) = request.body.split_at(request.body.len() / 2);
    let mut bytes = listener.head(request, &length);
    bytes.extend_from_slice(first);
    connection.write(&bytes, PATIENCE).await?;
    let early = connection.listen(1, asked.saturating_duration_since(Instant::now())).await;
    if !early.bytes.is_empty() || early.ended != Ended::StillOpen {
        // One that is closed without a word at SIGTERM was held until then.
        let held = early.bytes.is_empty() && Instant::now() >= asked;
        return Ok(if held { Half::Held(early) } else { Half::Early(early) });
    }
    tokio::time::sleep_until((asked + REST).into()).await;
    // When nobody takes the rest any more, reading tells what there was instead.
    let _ = connection.write(rest, PATIENCE).await;
    Ok(Half::Held(connection.listen_answer(answer).await))
}

/// Looks at readiness and at the door until both are closed, or patience ends.
async fn watch(lab: &Lab, listener: &Listener, asked: Instant, patience: Duration) -> Seen {
    let mut seen = Seen::default();
    let admin = lab.admin().with_timeout(LOOK_BOUND);
    while asked.elapsed() < patience && (seen.unready.is_none() || seen.refused.is_none()) {
        if let Some(path) = lab.subject.ready.as_ref().filter(|_| seen.unready.is_none()) {
            let exchange = admin.send(Request::get(path)).await;
            if !exchange.status().is_some_and(|status| status.is_success()) {
                seen.unready = Some(asked.elapsed());
                seen.unready_by_answer = exchange.answer().is_some();
            }
        }
        if seen.refused.is_none() && RawConnection::connect(listener.endpoint.clone(), None, LOOK_BOUND).await.is_err()
        {
            seen.refused = Some(asked.elapsed());
        }
        if lab.subject.ready.is_none() && seen.refused.is_some() {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    seen
}

fn answered(good: bool, name: &str, which: &str, exchange: &Exchange) -> Evidence {
    let told = if good { "is answered whole" } else { "is not answered as it should be" };
    clause::IN_FLIGHT.saw(good, format!("{name}, {which} at SIGTERM, {told}")).with(exchange)
}

/// Judges that readiness fell before the listener was closed, and before the work in flight had ended.
fn order(path: Option<&str>, seen: &Seen, finished: Option<Duration>) -> Vec<Evidence> {
    let Some(path) = path else {
        return vec![clause::READINESS.gap("no readiness path is declared, so its fall was not looked at")];
    };
    let told = |at: Option<Duration>| at.map_or("never".to_owned(), |at| format!("after {at:.1?}"));
    let (unready, refused) = (seen.unready, seen.refused);
    let first = match (unready, refused) {
        (Some(unready), Some(refused)) => seen.unready_by_answer && unready <= refused,
        (Some(_), None) => true,
        (None, _) => false,
    };
    let what = format!(
        "after SIGTERM readiness falls {} ({}), new connections are refused {}",
        told(unready),
        if seen.unready_by_answer { "it says so" } else { "no request is answered" },
        told(refused)
    );
    let recipe = Recipe::Terminate(Terminate::Readiness(path.to_owned()));
    let mut evidence = vec![clause::READINESS.saw(first, what).reproduced_by(recipe)];
    if let (Some(unready), Some(finished)) = (unready, finished) {
        let early = unready <= finished;
        let told = if early { "before" } else { "only after" };
        evidence.push(
            clause::READINESS
                .saw(early, format!("readiness falls {told} the last request in flight is answered ({finished:.1?})")),
        );
    }
    evidence
}

/// Returns true if the started process has a handler for SIGTERM.
fn handles_sigterm(lab: &Lab) -> bool {
    lab.leader().is_some_and(|pid| signals::handles(pid, SIGTERM.unsigned_abs()))
}

/// The handler of SIGTERM in the process.
#[derive(Clone, Copy, Debug)]
struct Handler {
    /// True if the process has a handler in the kernel's sense. A runtime may have one that only ends the process.
    handled: bool,
    /// True if work that was under way at SIGTERM was finished; none when there was none.
    finished: Option<bool>,
}

/// Judges an end, when that is possible, and describes it. A service that handles SIGTERM, finishes its work and raises
/// the signal again ends by it, as its manager expects.
fn judge_end(exit: Option<Exit>, Handler { handled, finished }: Handler, took: Duration) -> (Option<bool>, String) {
    match exit {
        Some(Exit::Code(code)) => (Some(code == 0), format!("it ends with code {code}, {took:.1?} after SIGTERM")),
        Some(Exit::Signal(SIGTERM)) if handled => match finished {
            Some(true) => (Some(true), format!("it handles SIGTERM and raises it again at its end, {took:.1?} later")),
            Some(false) => {
                let what = "it is ended by signal 15 and finishes nothing that was under way: its handler only ends it";
                (Some(false), what.to_owned())
            }
            None => {
                let what = "it is ended by signal 15, and whether its handler finishes work was not seen: declare a request \
                            with a body, or one that `uses` a dependency, in [[requests]]";
                (None, what.to_owned())
            }
        },
        Some(Exit::Signal(signal)) => (Some(false), format!("SIGTERM is not handled: it is ended by signal {signal}")),
        None => (Some(false), format!("it still runs {took:.1?} after SIGTERM")),
    }
}

/// Judges the end and its time.
async fn end(lab: &mut Lab, asked: Instant, patience: Duration, handler: Handler) -> Vec<Evidence> {
    let exit = lab.process().wait((asked + patience).saturating_duration_since(Instant::now())).await;
    let (good, told) = judge_end(exit, handler, asked.elapsed());
    let recipe = Recipe::Terminate(Terminate::Idle);
    let mut evidence = vec![clause::EXIT_CODE.maybe(good, told).reproduced_by(recipe)];
    if exit.is_some() {
        let leader = lab.process().pid();
        let left = lab.process().pids().into_iter().filter(|pid| *pid != leader).count();
        let told = if left == 0 {
            "no process is left behind".to_owned()
        } else {
            format!("{left} processes are left behind")
        };
        evidence.push(clause::EXIT_CODE.saw(left == 0, told));
    }
    evidence
}

/// The second run: with connections that are open and idle.
async fn idle(lab: &mut Lab, listener: &Listener, finished: Option<bool>) -> Vec<Evidence> {
    let mut connections = Vec::new();
    let request = listener.bytes(&lab.harmless());
    for _ in 0..IDLE {
        let Ok(mut connection) = listener.open().await else { continue };
        if connection.write(&request, PATIENCE).await.is_ok()
            && connection.listen_answer(PATIENCE).await.status().is_some()
        {
            connections.push(connection);
        }
    }
    let handled = handles_sigterm(lab);
    let asked = Instant::now();
    lab.process().signal(SIGTERM);
    let patience = lab.subject.drain_timeout;
    let mut evidence = vec![Evidence::note(format!("second run, with {} idle connections", connections.len()))];
    evidence.extend(end(lab, asked, patience, Handler { handled, finished }).await);
    evidence
}
