//! `life.kill`: kill -9 at any instant loses nothing that was acknowledged, and the restart needs no hand.
//!
//! - **Hypothesis**: after a SIGKILL in the middle of writes the service starts again with the same command within its declared time;
//!   everything that it acknowledged is readable, with what was asked for in it; a repeat under the same key gives the first answer;
//!   what was under way can be repeated under its key.
//! - **Sent**: without a kill, some of each request of the mix with `read`, a GET of each, and a GET of one that was never made. Then
//!   in each of `ROUNDS` rounds the same requests from `WRITERS` clients at once, SIGKILL to the whole group, a start, a GET of each
//!   acknowledged thing (at most `MAX_READ`), and repeats.
//! - **Decides**: a start that fails, an acknowledged thing that is gone or altered, a repeat with another answer. Where a thing that
//!   was never made reads like one that was, and where nothing can be read back, it is not known what was lost. What was asked for
//!   and acknowledged is compared at each place where it showed without a kill; what also alters without a kill (a state that
//!   goes on) is no fault. A `read` that is the same for every write is taken for a count: its numbers that change by the same
//!   with each write must be what was acknowledged before the kill, and no more than what was sent. A service declared to keep no
//!   state must only start again and answer.
//! - **Blast radius**: what the writes do; the service is killed `ROUNDS` times.
//! - **Bound in time**: each round half a second of writes, the declared start time, and the reads.

mod answers;
mod content;
mod counts;
#[cfg(test)]
mod judge_tests;
mod kinds;
mod read_back;
mod repeat;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;
mod unmade;
mod values;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_wire::http::Exchange;

use self::content::Written;
use self::counts::{Counts, Tally};
use self::kinds::Kind;
use self::read_back::read;
use crate::clause::life::kill as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::{Lab, StartFailure};
use crate::probe::Probe;
use crate::probes::support::written;
use crate::recipe::Recipe;
use crate::subject::{RequestSpec, State};

const ID: &str = "life.kill";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Number of kills.
const ROUNDS: usize = 5;
/// Clients that write at once.
const WRITERS: usize = 4;
/// Time of writes before the kill; a little more each round, so that it meets other instants.
const WRITE: Duration = Duration::from_millis(200);
const WRITE_MORE: Duration = Duration::from_millis(37);
/// The same at any pace: some writes must have been acknowledged.
const LEAST_WRITE: Duration = Duration::from_millis(100);
/// Acknowledged things that are read back in a round.
const MAX_READ: usize = 100;
/// Methods of requests that make or change something.
const WRITES: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];
/// The most writes of one client in a round.
const MAX_WRITES: usize = 500;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let writes: Vec<RequestSpec> = lab.mix().into_iter().filter(|spec| spec.read.is_some()).collect();
    match lab.subject.state {
        State::Unsaid => {
            let reason = "it is not declared whether it keeps state: say `state = \"durable\"`, and `read` on the requests that make \
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
    let mut evidence: Vec<Evidence> = unread(&lab.mix()).into_iter().collect();
    let mut kinds = Vec::new();
    for spec in writes {
        kinds.push(kinds::learn(lab, spec).await);
    }
    let mut counts = Vec::new();
    for (number, kind) in kinds.iter().enumerate() {
        match &kind.read {
            Some(Ok(_)) => {}
            Some(Err(failed)) => evidence.push(clause::NO_LOSS.uncontrolled(failed)),
            None => match Counts::learn(lab, &kinds, number).await {
                Ok(count) => counts.push(count),
                Err(gap) => evidence.push(gap),
            },
        }
        evidence.extend(kind.unseen.iter().map(|what| clause::NO_LOSS.gap(what)));
    }
    let mut passing = vec![Vec::new(); kinds.len()];
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let mut before = Vec::new();
        for count in &counts {
            before.push(count.now(lab).await.0);
        }
        let writing = lab.pace.of(WRITE + WRITE_MORE * u32::try_from(round).unwrap_or(0)).max(LEAST_WRITE);
        let written = match write_until_killed(lab, &kinds, writing).await {
            Ok(written) => written,
            Err(failure) => {
                evidence.push(not_killed(&failure));
                return Finding::judge(ID, evidence);
            }
        };
        match start_again(lab).await {
            Ok(piece) => evidence.push(piece),
            Err(failure) => {
                evidence.push(not_started(&failure, lab.start_was_starved()));
                return Finding::judge(ID, evidence);
            }
        }
        let round = Round::of(&kinds, written);
        acknowledged += round.done.len();
        evidence.push(clause::NO_LOSS.figure(round.told()));
        evidence.extend(read_back(lab, &kinds, &round.done, &mut passing).await);
        for (count, before) in counts.iter().zip(&before) {
            evidence.extend(count.judge(lab, &kinds, before, &round.tallies).await);
        }
        evidence.extend(repeat::repeat(lab, &kinds, &round.done, &round.cut).await);
    }
    if acknowledged == 0 {
        evidence
            .push(clause::NO_LOSS.gap("no write was acknowledged before a kill, so none could be lost: mend the mix"));
    }
    Finding::judge(ID, evidence)
}

/// The gap for declared writes that say no way to read back what they make: whether that is lost is not seen.
fn unread(mix: &[RequestSpec]) -> Option<Evidence> {
    let writes = |spec: &&RequestSpec| WRITES.iter().any(|method| spec.method.eq_ignore_ascii_case(method));
    let unread = mix.iter().filter(writes).filter(|spec| spec.read.is_none());
    let names: Vec<&str> = unread.map(|spec| spec.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        let names = names.join(", ");
        clause::NO_LOSS.gap(format!("what these writes make was not read back: {names}; say `read` on them"))
    })
}

/// Outcome of the writes of a round, each with the number of its kind.
struct Round {
    done: Vec<(usize, Exchange)>,
    cut: Vec<(usize, Exchange)>,
    refused: usize,
    tallies: Vec<Tally>,
}

impl Round {
    fn of(kinds: &[Kind], written: Vec<(usize, Exchange)>) -> Self {
        let mut round =
            Self { done: Vec::new(), cut: Vec::new(), refused: 0, tallies: vec![Tally::default(); kinds.len()] };
        for (kind, exchange) in written {
            let tally = &mut round.tallies[kind];
            match exchange.status() {
                Some(status) if kinds[kind].spec.expects(status.as_u16()) => {
                    tally.done += 1;
                    round.done.push((kind, exchange));
                }
                Some(status) => {
                    // A fault does not say whether it took effect; a refusal says that it did not.
                    tally.unsure += usize::from(status.is_server_error());
                    round.refused += 1;
                }
                None => {
                    tally.unsure += 1;
                    round.cut.push((kind, exchange));
                }
            }
        }
        round
    }

    fn told(&self) -> String {
        let (done, cut, refused) = (self.done.len(), self.cut.len(), self.refused);
        format!(
            "{done} writes were acknowledged before the kill, {cut} were cut off, {refused} had been answered otherwise"
        )
    }
}

/// Every write until the kill, with what became of it.
///
/// # Errors
/// When it cannot be killed.
async fn write_until_killed(
    lab: &mut Lab,
    kinds: &[Kind],
    after: Duration,
) -> Result<Vec<(usize, Exchange)>, StartFailure> {
    let kill_at = Instant::now() + after;
    let (written, killed) = {
        let running: &Lab = lab;
        let client = running.http();
        let writers = (0..WRITERS).map(|writer| {
            let client = client.clone();
            async move {
                let mut written = Vec::new();
                for (number, kind) in kinds.iter().enumerate().cycle().skip(writer).take(MAX_WRITES) {
                    let exchange = client.send(running.fill(&kind.spec)).await;
                    let over = exchange.answer().is_none() || Instant::now() > kill_at + Duration::from_secs(1);
                    written.push((number, exchange));
                    if over {
                        break;
                    }
                }
                written
            }
        });
        let killing = async {
            tokio::time::sleep_until(kill_at.into()).await;
            running.kill().await
        };
        tokio::join!(join_all(writers), killing)
    };
    killed?;
    lab.process().wait(Duration::from_secs(5)).await;
    Ok(written.into_iter().flatten().collect())
}

async fn start_again(lab: &mut Lab) -> Result<Evidence, StartFailure> {
    lab.stop().await;
    let started = lab.start_with(|_| {}).await?;
    Ok(clause::RESTART.holds(format!("killed, it was ready again {:.1?} after its start", started.ready)))
}

fn not_killed(failure: &StartFailure) -> Evidence {
    clause::RESTART.gap(format!("it was not killed: {failure}")).showing(failure.output.join(" · "))
}

/// Judges a start that failed; one that waited for a processor for half of its time says nothing.
fn not_started(failure: &StartFailure, is_starved: bool) -> Evidence {
    let what = format!("after a kill it does not start by itself: {failure}");
    let piece = match is_starved {
        true => clause::RESTART
            .gap(format!("{what}; its processes waited for a processor: the machine was too busy to tell")),
        false => clause::RESTART.contradicts(what),
    };
    piece.showing(failure.output.join(" · "))
}

/// Judges that acknowledged writes are there with their content. `passing` are the places of each kind that alter by themselves.
async fn read_back(
    lab: &Lab,
    kinds: &[Kind],
    done: &[(usize, Exchange)],
    passing: &mut [Vec<String>],
) -> Vec<Evidence> {
    let client = lab.http();
    let mut counted = vec![(0, 0); kinds.len()];
    // The last ones are those that are lost first.
    for (number, exchange) in done.iter().rev() {
        let kind = &kinds[*number];
        let Some(Ok(_)) = &kind.read else { continue };
        counted[*number].1 += 1;
        if counted.iter().map(|(read, _)| read).sum::<usize>() >= MAX_READ {
            continue;
        }
        let Some((own, request)) = Lab::own_values(&kind.spec, exchange)
            .and_then(|own| lab.read_of(&kind.spec, &own).map(|request| (own, request)))
        else {
            continue;
        };
        let read = read(&client, &request).await;
        counted[*number].0 += 1;
        let acknowledged = format!("{} was acknowledged ({}) before the kill", kind.spec.name, exchange.came_back());
        if !read.status().is_some_and(|status| status.is_success()) {
            let piece = clause::NO_LOSS.contradicts(format!("{acknowledged} and is gone after it")).with(&read);
            let recipe = written::recipe(&kind.spec, exchange).map(Recipe::Kill);
            return vec![recipe.into_iter().fold(piece, Evidence::reproduced_by)];
        }
        let written = Written::of(exchange, &own);
        while let Some(place) = kind.content.broken(&written, &read, &passing[*number]) {
            if !kinds::alters_in_peace(lab, kind, kinds, &place).await {
                let what = format!("{acknowledged} and is not read with the same {place} after it");
                return vec![clause::NO_LOSS.contradicts(what).with(&read)];
            }
            passing[*number].push(place);
        }
    }
    let mut evidence = Vec::new();
    for (kind, (read, all)) in kinds.iter().zip(counted) {
        if let Some(Ok(control)) = &kind.read
            && read > 0
        {
            let what =
                format!("the last {read} of {all} {} acknowledged before the kill are read after it", kind.spec.name);
            evidence.push(clause::NO_LOSS.holds(what).by(control));
        }
    }
    evidence
}

/// Judges a service without state, which must only start again and answer.
async fn stateless(lab: &mut Lab) -> Finding {
    let mut evidence = vec![clause::NO_LOSS.is_void("state = \"none\"")];
    for _ in 0..ROUNDS {
        if let Err(failure) = lab.kill().await {
            evidence.push(not_killed(&failure));
            break;
        }
        lab.process().wait(Duration::from_secs(5)).await;
        match start_again(lab).await {
            Ok(piece) => evidence.push(piece),
            Err(failure) => {
                evidence.push(not_started(&failure, lab.start_was_starved()));
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
