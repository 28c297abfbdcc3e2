//! `life.kill`: kill -9 at any instant loses nothing that was acknowledged, and the restart needs no hand.
//!
//! - **Hypothesis**: after a SIGKILL in the middle of writes the service starts again with the same command within its declared time;
//!   everything that it acknowledged is readable, with what was asked for in it; a repeat under the same key gives the first answer;
//!   what was under way can be repeated under its key.
//! - **Sent**: in each of `ROUNDS` rounds, requests of the mix with `read` from `WRITERS` clients at once, SIGKILL to the whole
//!   group, a start, a GET of each acknowledged thing (at most `MAX_READ`), and repeats.
//! - **Decides**: a start that fails, an acknowledged thing that is gone or altered, a repeat with another answer. What also alters
//!   without a kill (a state that goes on) is no fault. Where nothing can be read back it is not known what was lost. A service
//!   declared to keep no state must only start again and answer.
//! - **Blast radius**: what the writes do; the service is killed `ROUNDS` times.
//! - **Bound in time**: each round half a second of writes, the declared start time, and the reads.

mod altered;
mod read_back;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_wire::http::Exchange;

use self::read_back::read;
use crate::clause::life::kill as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::{Lab, StartFailure};
use crate::probe::Probe;
use crate::subject::{RequestSpec, State};

const ID: &str = "life.kill";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// How often it is killed.
const ROUNDS: usize = 5;
/// Clients that write at once.
const WRITERS: usize = 4;
/// How long they have written when the kill comes; a little more each round, so that it meets other instants.
const WRITE: Duration = Duration::from_millis(200);
const WRITE_MORE: Duration = Duration::from_millis(37);
/// The same at any pace: some writes must have been acknowledged.
const LEAST_WRITE: Duration = Duration::from_millis(100);
/// Acknowledged things that are read back in a round.
const MAX_READ: usize = 100;
/// Writes that are repeated in a round.
const MAX_REPEATED: usize = 10;
/// The most writes of one client in a round.
const MAX_WRITES: usize = 500;
const SIGKILL: i32 = 9;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let writes: Vec<RequestSpec> = lab.mix().into_iter().filter(|spec| spec.read.is_some()).collect();
    match lab.subject.state {
        State::Unsaid => {
            let reason = "nobody said whether it keeps state: say `state = \"durable\"`, and `read` on the requests that make \
                          something; or state = \"none\"";
            Finding::unknown(ID, reason, Vec::new())
        }
        State::Durable if writes.is_empty() => {
            let reason = "no request is known to make something: say `read = \"/path/of/{it}\"` and what to `save` for it, on the \
                          [[requests]] that do";
            Finding::unknown(ID, reason, Vec::new())
        }
        State::Durable => durable(lab, &writes).await,
        State::None => stateless(lab).await,
    }
}

async fn durable(lab: &mut Lab, writes: &[RequestSpec]) -> Finding {
    let (mut evidence, mut acknowledged, mut read) = (Vec::new(), 0, 0);
    for round in 0..ROUNDS {
        let writing = lab.pace.of(WRITE + WRITE_MORE * u32::try_from(round).unwrap_or(0)).max(LEAST_WRITE);
        let written = write_until_killed(lab, writes, writing).await;
        match start_again(lab).await {
            Ok(piece) => evidence.push(piece),
            Err(failure) => {
                evidence.push(not_started(&failure));
                return Finding::judge(ID, evidence);
            }
        }
        let (done, others): (Vec<_>, Vec<_>) = written
            .into_iter()
            .partition(|(spec, exchange)| exchange.status().is_some_and(|status| spec.expects(status.as_u16())));
        // What was answered otherwise was refused, not cut off.
        let (refused, cut): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|(_, exchange)| exchange.answer().is_some());
        acknowledged += done.len();
        evidence.push(clause::NO_LOSS.figure(format!(
            "{} writes were acknowledged before kill {}, {} were cut off, {} had been answered otherwise",
            done.len(),
            round + 1,
            cut.len(),
            refused.len()
        )));
        let (piece, count) = read_back(lab, &done).await;
        evidence.push(piece);
        read += count;
        evidence.extend(repeat(lab, &done, &cut).await);
    }
    if acknowledged == 0 {
        return Finding::unknown(
            ID,
            "no write was acknowledged before a kill, so none could be lost: mend the mix",
            evidence,
        );
    }
    if read == 0 && evidence.iter().all(|piece| !piece.is_against()) {
        let reason = "it starts again after each kill, but no acknowledged write could be read back: `save` what the path in `read` \
                      needs, from the answer of the same request";
        return Finding::unknown(ID, reason, evidence);
    }
    Finding::judge(ID, evidence)
}

/// Every write until the kill, with what became of it.
async fn write_until_killed(lab: &mut Lab, writes: &[RequestSpec], after: Duration) -> Vec<(RequestSpec, Exchange)> {
    let kill_at = Instant::now() + after;
    let written = {
        let running: &Lab = lab;
        let client = running.http();
        let writers = (0..WRITERS).map(|writer| {
            let client = client.clone();
            async move {
                let mut written = Vec::new();
                for spec in writes.iter().cycle().skip(writer).take(MAX_WRITES) {
                    let exchange = client.send(running.fill(spec)).await;
                    let over = exchange.answer().is_none() || Instant::now() > kill_at + Duration::from_secs(1);
                    written.push((spec.clone(), exchange));
                    if over {
                        break;
                    }
                }
                written
            }
        });
        let killing = async {
            tokio::time::sleep_until(kill_at.into()).await;
            running.signal_group(SIGKILL);
        };
        tokio::join!(join_all(writers), killing).0
    };
    lab.process().wait(Duration::from_secs(5)).await;
    written.into_iter().flatten().collect()
}

async fn start_again(lab: &mut Lab) -> Result<Evidence, StartFailure> {
    lab.stop().await;
    let started = lab.start_with(|_| {}).await?;
    Ok(clause::RESTART.holds(format!("killed, it was ready again {:.1?} after its start", started.ready)))
}

fn not_started(failure: &StartFailure) -> Evidence {
    let what = format!("after a kill it does not start by itself: {failure}");
    clause::RESTART.contradicts(what).showing(failure.output.join(" · "))
}

/// Whether what was acknowledged is there as it was asked for, and how much of it was read.
async fn read_back(lab: &Lab, done: &[(RequestSpec, Exchange)]) -> (Evidence, usize) {
    let client = lab.http();
    // The last ones are those that are lost first.
    let reads: Vec<_> = done
        .iter()
        .rev()
        .filter_map(|(spec, exchange)| Some((spec, exchange, lab.read_back(spec, exchange)?)))
        .take(MAX_READ)
        .collect();
    let mut passing = Vec::new();
    for (spec, exchange, request) in &reads {
        let read = read(&client, request).await;
        let acknowledged = format!("{} was acknowledged ({}) before the kill", spec.name, exchange.came_back());
        if !read.status().is_some_and(|status| status.is_success()) {
            return (
                clause::NO_LOSS.contradicts(format!("{acknowledged} and is gone after it")).with(&read),
                reads.len(),
            );
        }
        let Some(member) = altered::since(exchange, &read).filter(|member| !passing.contains(member)) else { continue };
        if altered::in_peace(lab, spec, &member).await {
            passing.push(member);
            continue;
        }
        return (
            clause::NO_LOSS.contradicts(format!("{acknowledged} and has another {member} after it")).with(&read),
            reads.len(),
        );
    }
    let piece = match reads.len() {
        0 => clause::NO_LOSS.gap("no acknowledged write could be read back: `save` what its `read` path needs"),
        count => clause::NO_LOSS.holds(format!("{count} things acknowledged before the kill are readable after it")),
    };
    (piece, reads.len())
}

/// Repeats of acknowledged writes give the first answer; repeats of cut ones succeed, and then give that.
async fn repeat(lab: &Lab, done: &[(RequestSpec, Exchange)], cut: &[(RequestSpec, Exchange)]) -> Vec<Evidence> {
    let client = lab.http();
    let mut evidence = Vec::new();
    let idempotent = |(spec, _): &&(RequestSpec, Exchange)| spec.idempotent.is_some();
    for (spec, first) in done.iter().rev().filter(idempotent).take(MAX_REPEATED) {
        let again = client.send(first.request.clone()).await;
        if !same(spec, first, &again) {
            let what =
                format!("{} repeated after the kill is not answered as before ({})", spec.name, first.came_back());
            evidence.push(clause::NO_LOSS.contradicts(what).with(&again));
        }
    }
    for (spec, lost) in cut.iter().filter(idempotent).take(MAX_REPEATED) {
        let first = client.send(lost.request.clone()).await;
        let again = client.send(lost.request.clone()).await;
        let accepted = first.status().is_some_and(|status| spec.expects(status.as_u16()));
        if !accepted || !same(spec, &first, &again) {
            let what = format!("{}, cut off by the kill, cannot be repeated to one effect", spec.name);
            evidence.push(clause::NO_LOSS.contradicts(what).with(if accepted { &again } else { &first }));
        }
    }
    if evidence.is_empty() && done.iter().chain(cut).any(|write| idempotent(&write)) {
        evidence
            .push(clause::NO_LOSS.holds("writes repeated under their keys after the kill give their first answers"));
    }
    evidence
}

/// Whether two answers are of the same effect: the same status, and the same of what is saved of it (or the same body).
fn same(spec: &RequestSpec, first: &Exchange, again: &Exchange) -> bool {
    let (one, other) = (Lab::saved_of(spec, first), Lab::saved_of(spec, again));
    let bodies = || first.answer().map(|answer| &answer.body) == again.answer().map(|answer| &answer.body);
    first.status() == again.status() && if one.is_empty() { bodies() } else { one == other }
}

/// What keeps no state must only start again and answer.
async fn stateless(lab: &mut Lab) -> Finding {
    let mut evidence = vec![clause::NO_LOSS.is_void("state = \"none\"")];
    for _ in 0..ROUNDS {
        lab.signal_group(SIGKILL);
        lab.process().wait(Duration::from_secs(5)).await;
        match start_again(lab).await {
            Ok(piece) => evidence.push(piece),
            Err(failure) => {
                evidence.push(not_started(&failure));
                break;
            }
        }
        let exchange = lab.http().send(lab.harmless()).await;
        let good = exchange.status().is_some_and(|status| status.as_u16() < 500);
        let told = if good { "is answered" } else { "is not answered" };
        evidence.push(clause::RESTART.saw(good, format!("after the kill a harmless request {told}")).with(&exchange));
    }
    Finding::judge(ID, evidence)
}
