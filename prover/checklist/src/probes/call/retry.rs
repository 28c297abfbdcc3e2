//! `call.retry`: a failed call that is safe to repeat is retried with growing, random pauses, honours Retry-After, and ends.
//!
//! - **Hypothesis**: a call that fails once is repeated and the request succeeds; repeats are few, after pauses that grow and
//!   differ; none comes before Retry-After says so, after the deadline or after the answer; a call that is not safe to repeat
//!   comes once.
//! - **Sent**: one after the other, a request that causes one call: to a dependency that answers the first call with 503, or,
//!   when that is not repeated, hangs up on it; then to one that always fails so: eight times at once, twice with `Retry-After: 1`
//!   (503 only), and once after two fifths of the subject's deadline. Then each request whose call is not safe to repeat (its
//!   method, without an Idempotency-Key), to a dependency that answers it with 503, and to one that hangs up on it.
//! - **Decides**: for the call that is safe: no repeat, a repeat with another key, more than ten, pauses that are nothing (under
//!   2 ms) or the same (middle half within 3 % or 2 ms of each other), pauses whose mean shrinks, a repeat sooner than
//!   Retry-After less 50 ms, one later than the deadline and 250 ms or than the answer and 50 ms: each falls short. Pauses that
//!   neither differ clearly (10 %) nor are clearly the same, or neither grow nor shrink clearly: unknown, and so is a service that
//!   does not call at all any more after one failure. For a call that is not safe: a repeat falls short; when there is no other,
//!   and none is repeated, not applicable.
//! - **Blast radius**: the service is started again with the prover's double in the dependency's place, and stopped at the end.
//!   When fewer than six of the eight are repeated, eight more, with 40 that succeed before each: a budget may be spent. When
//!   these leave it open whether pauses differ or grow, eight more.
//! - **Bound in time**: 40 requests and 800 that succeed, each at most the subject's deadline and 5 s, none begun after 90 s.

use std::time::{Duration, Instant};

use keel_drill::double::{Behaviour, Call};

use super::support::double_in_place::{self, Watched, percentile};
use crate::clause::call::retry as clause;
use crate::contention::{self, Contention};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::{Dependency, Manner, WithDependency};
use crate::subject::RequestSpec;

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "call.retry";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Requests whose repeats are compared.
const SAMPLES: usize = 8;
/// Fewer say nothing of randomness.
const FEWEST: usize = 6;
/// The most attempts that count as few.
const MOST_ATTEMPTS: usize = 10;
/// Time that repeats may follow the answer.
const AFTERWARDS: Duration = Duration::from_millis(300);
/// The same between requests whose pauses alone are looked at.
const BETWEEN: Duration = Duration::from_millis(100);
/// Time that repeats that outlive their request are looked for.
const LINGER: Duration = Duration::from_secs(2);
/// Below this two attempts have no pause between them.
const AT_ONCE: Duration = Duration::from_millis(2);
/// Difference from the expected time that counts as the clock's.
const CLOCKS: Duration = Duration::from_millis(50);
/// Delay after the deadline at which a repeat may come that was decided on before it.
const LATE: Duration = Duration::from_millis(250);
/// Retry-After of [`Behaviour::Unavailable`], in seconds.
const RETRY_AFTER: u64 = 1;
/// Time that a breaker that opened meanwhile is waited for.
const WELL_AGAIN: Duration = Duration::from_secs(15);
/// No request is begun later.
const IN_ALL: Duration = Duration::from_secs(90);

/// Way in which a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failing {
    Unavailable,
    HangingUp,
}

impl Failing {
    fn first(self) -> Behaviour {
        match self {
            Self::Unavailable => Behaviour::FailFirst(1),
            Self::HangingUp => Behaviour::HangUpFirst(1),
        }
    }

    fn always(self, after: Duration) -> Behaviour {
        match self {
            Self::Unavailable => Behaviour::LateUnavailable(after),
            Self::HangingUp => Behaviour::HangUp(after),
        }
    }

    fn told(self) -> &'static str {
        match self {
            Self::Unavailable => "was answered 503",
            Self::HangingUp => "was hung up on",
        }
    }
}

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    double_in_place::examine(ID, lab, |lab, watched| Box::pin(judge(lab, watched))).await
}

async fn judge(lab: &Lab, watched: &Watched) -> Finding {
    let begun = Instant::now();
    let mut evidence = Vec::new();
    let kind = format!("{} {}", watched.call.method, watched.call.path);
    if !watched.call.is_safe_to_repeat() {
        evidence.extend(once(lab, watched, &watched.spec).await);
        if evidence.iter().all(|piece| !piece.is_against()) {
            return Finding::not_applicable(ID, format!("{kind}, which is not safe to repeat, came once"), evidence);
        }
        return Finding::judge(ID, watched.controlled(evidence));
    }
    let failing = match first_failure(lab, watched).await {
        Ok((failing, seen)) => {
            evidence.extend(seen);
            failing
        }
        Err(finding) => return finding,
    };
    let contention = contention::Watch::begin(lab);
    let mut chains = chains(lab, watched, failing, false, begun).await;
    let rested = chains.iter().filter(|chain| !chain.is_empty()).count() < FEWEST;
    if rested {
        // A budget may be spent: what it pays with is saved up before each.
        chains.extend(self::chains(lab, watched, failing, true, begun).await);
        chains.retain(|chain| !chain.is_empty());
    }
    if pauses(&chains, Contention::default()).iter().any(|piece| !piece.decides()) {
        // Eight pauses by lot are now and then alike by chance.
        chains.extend(self::chains(lab, watched, failing, rested, begun).await);
        chains.retain(|chain| !chain.is_empty());
    }
    evidence.extend(pauses(&chains, contention.end()));
    if failing == Failing::Unavailable {
        watched.rest(lab).await;
        watched.set(Behaviour::Unavailable(Some(RETRY_AFTER)));
        for _ in 0..2 {
            if begun.elapsed() < IN_ALL {
                let piece = told_when(&gaps(&attempts(lab, watched, &watched.spec).await.0));
                let manner = Manner::status(503, &format!("Retry-After: {RETRY_AFTER}\r\n"));
                let fault = WithDependency::RepeatWithin(Duration::from_secs(RETRY_AFTER) - CLOCKS);
                let recipe = recipe(lab, watched, manner, fault);
                evidence.push(recipe.into_iter().fold(piece, Evidence::reproduced_by));
            }
        }
    }
    if begun.elapsed() < IN_ALL {
        evidence.push(ends(lab, watched, failing).await);
    }
    for spec in &watched.unrepeatable {
        if begun.elapsed() < IN_ALL {
            evidence.extend(once(lab, watched, spec).await);
        }
    }
    Finding::judge(ID, watched.controlled(evidence))
}

/// Sends the request while a stand-in fails each call in this manner.
fn recipe(lab: &Lab, watched: &Watched, manner: Manner, fault: WithDependency) -> Option<Recipe> {
    let ask = (lab.fill(&watched.spec), lab.subject.deadline + Duration::from_secs(5));
    Dependency::of(&lab.subject, &watched.name, manner, ask, fault)
}

/// The way of failing after which the call is repeated and the request succeeds, and what was seen of it.
///
/// # Errors
/// The finding, when there is none: unknown when one failure sufficed for no call to be made any more, as a repeat then fails
/// with the rest.
async fn first_failure(lab: &Lab, watched: &Watched) -> Result<(Failing, Vec<Evidence>), Finding> {
    let mut evidence = Vec::new();
    for failing in [Failing::Unavailable, Failing::HangingUp] {
        watched.rest(lab).await;
        watched.set(failing.first());
        let (calls, well) = attempts(lab, watched, &watched.spec).await;
        let succeeded = if well { "succeeded" } else { "did not succeed" };
        let what = format!(
            "{} {} {} once, came {} times in all, and the request {succeeded}",
            watched.call.method,
            watched.call.path,
            failing.told(),
            calls.len()
        );
        if well && calls.len() > 1 {
            evidence = vec![clause::RETRIED.holds(what)];
            if calls.iter().any(|call| call.key != calls[0].key) {
                evidence.push(
                    clause::RETRIED
                        .contradicts("a repeat came with another Idempotency-Key: to the dependency it is new"),
                );
            }
            return Ok((failing, evidence));
        }
        let manner = match failing {
            Failing::Unavailable => Manner::status(503, ""),
            Failing::HangingUp => Manner::HangsUp,
        };
        let piece = clause::RETRIED.contradicts(what);
        let recipe = recipe(lab, watched, manner, WithDependency::NoRepeat).filter(|_| calls.len() == 1);
        evidence.push(recipe.into_iter().fold(piece, Evidence::reproduced_by));
        if calls.is_empty() || attempts(lab, watched, &watched.spec).await.0.is_empty() {
            let reason = format!(
                "after one failed call {} is not called any more: a breaker, or a list of servers that are marked down, hides \
                 whether calls are repeated",
                watched.name
            );
            let seen = evidence.into_iter().map(|piece| clause::RETRIED.figure(piece.what)).collect();
            return Err(Finding::unknown(ID, reason, seen));
        }
    }
    Err(Finding::judge(ID, watched.controlled(evidence)))
}

/// Judges a failed call that is not safe to repeat.
async fn once(lab: &Lab, watched: &Watched, spec: &RequestSpec) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    for failing in [Failing::Unavailable, Failing::HangingUp] {
        watched.well_again(lab, WELL_AGAIN).await;
        watched.set(failing.first());
        let (calls, _) = attempts(lab, watched, spec).await;
        let Some(call) = calls.first() else {
            evidence.push(
                clause::RETRIED.gap(format!("{} caused no call any more: a repeat could not be seen", spec.name)),
            );
            continue;
        };
        let times = calls.iter().filter(|other| (&other.method, &other.path) == (&call.method, &call.path)).count();
        let what = format!(
            "{} {}, which is not safe to repeat, {} once and came {times} times",
            call.method,
            call.path,
            failing.told()
        );
        evidence.push(clause::RETRIED.saw(times == 1, what));
    }
    evidence
}

/// Judges that repeats end with the request that caused them, when each attempt takes a good part of the deadline.
async fn ends(lab: &Lab, watched: &Watched, failing: Failing) -> Evidence {
    let deadline = lab.subject.deadline;
    let each = deadline * 2 / 5;
    watched.rest(lab).await;
    watched.set(failing.always(each));
    watched.double.take_calls();
    let contention = contention::Watch::begin(lab);
    let sent = Instant::now();
    let (exchange, _) = watched.ask(lab).await;
    let contention = contention.end();
    tokio::time::sleep(lab.pace.of(LINGER)).await;
    let calls = watched.double.take_calls();
    let Some(last) = calls.last().map(|call| call.at.saturating_duration_since(sent)) else {
        return clause::DEADLINE
            .gap(format!("{} was not called any more, so no end of repeats was seen", watched.name));
    };
    let what = format!(
        "with each attempt failing only after {each:.1?}, the last of {} came {last:.1?} after the request, which ended after \
         {:.1?}; the deadline is {deadline:.1?}",
        calls.len(),
        exchange.took
    );
    let limit = (deadline + LATE).min(exchange.took + CLOCKS);
    contention.excuse(clause::DEADLINE.saw(last <= limit, what), last, limit)
}

/// The pauses between the calls of requests all of whose calls fail; with a rest before each, or none.
async fn chains(lab: &Lab, watched: &Watched, failing: Failing, rested: bool, begun: Instant) -> Vec<Vec<Duration>> {
    let mut chains = Vec::new();
    while chains.len() < SAMPLES && begun.elapsed() < IN_ALL {
        if rested {
            watched.rest(lab).await;
        }
        watched.set(failing.always(Duration::ZERO));
        chains.push(gaps(&attempts_until(lab, watched, &watched.spec, BETWEEN).await.0));
    }
    chains
}

/// The calls that one request causes, and whether it was answered as declared.
async fn attempts(lab: &Lab, watched: &Watched, spec: &RequestSpec) -> (Vec<Call>, bool) {
    attempts_until(lab, watched, spec, AFTERWARDS).await
}

/// The same, with the calls until so long after the answer.
async fn attempts_until(lab: &Lab, watched: &Watched, spec: &RequestSpec, after: Duration) -> (Vec<Call>, bool) {
    watched.double.take_calls();
    let exchange = lab.http().send(lab.fill(spec)).await;
    tokio::time::sleep(lab.pace.of(after)).await;
    (watched.double.take_calls(), exchange.status().is_some_and(|status| spec.expects(status.as_u16())))
}

fn gaps(calls: &[Call]) -> Vec<Duration> {
    calls.windows(2).map(|pair| pair[1].at.saturating_duration_since(pair[0].at)).collect()
}

/// Evidence from the pauses of many chains.
fn pauses(chains: &[Vec<Duration>], contention: Contention) -> Vec<Evidence> {
    let calls = chains.iter().map(|chain| chain.len() + 1).sum();
    let busy = |what: &str| format!("{what}; {}", contention.told(calls));
    let nth = |n: usize| -> Vec<Duration> { chains.iter().filter_map(|chain| chain.get(n).copied()).collect() };
    let most = chains.iter().map(|chain| chain.len() + 1).max().unwrap_or(0);
    let few = format!("with every call failing, a request caused at most {most} attempts");
    let mut evidence = vec![clause::DEADLINE.saw(most <= MOST_ATTEMPTS, few)];
    let first = nth(0);
    if first.len() < FEWEST {
        evidence.push(clause::BACKOFF.gap(format!(
            "only {} of {} requests had their call repeated",
            first.len(),
            chains.len()
        )));
        return evidence;
    }
    let middle = percentile(first.clone(), 50);
    if percentile(first.clone(), 75) < AT_ONCE {
        evidence.push(clause::BACKOFF.contradicts(format!("the first repeat comes at once, after {middle:.1?}")));
        return evidence;
    }
    let spread = percentile(first.clone(), 75) - percentile(first.clone(), 25);
    let what = format!("the first pause is {middle:.1?} in the middle, and its middle half is {spread:.1?} wide");
    let good =
        if spread <= (middle * 3 / 100).max(AT_ONCE) { Some(false) } else { (spread >= middle / 10).then_some(true) };
    evidence.push(match good {
        Some(true) if !contention.is_scattered(spread, calls) => clause::JITTER.gap(busy(&what)),
        good => clause::JITTER.maybe(good, what),
    });
    let mut last = most.saturating_sub(2);
    while last > 0 && nth(last).len() < FEWEST {
        last -= 1;
    }
    if last > 0 {
        let (early, late) = (mean(&first), mean(&nth(last)));
        let what = format!("the mean pause is {early:.1?} at first and {late:.1?} before attempt {}", last + 2);
        let good = if late >= early * 13 / 10 { Some(true) } else { (late < early / 2).then_some(false) };
        evidence.push(match good {
            // Means of several are scattered by less than each.
            Some(true) if late.saturating_sub(early) < contention.noise(calls) => clause::BACKOFF.gap(busy(&what)),
            good => clause::BACKOFF.maybe(good, what),
        });
    }
    evidence
}

fn mean(values: &[Duration]) -> Duration {
    values.iter().sum::<Duration>() / u32::try_from(values.len().max(1)).unwrap_or(u32::MAX)
}

fn told_when(gaps: &[Duration]) -> Evidence {
    match gaps.first() {
        None => {
            clause::RETRY_AFTER.holds(format!("told to come back after {RETRY_AFTER} s, it did not repeat the call"))
        }
        Some(gap) => {
            let what = format!("told to come back after {RETRY_AFTER} s, it repeated the call after {gap:.1?}");
            clause::RETRY_AFTER.saw(*gap + CLOCKS >= Duration::from_secs(RETRY_AFTER), what)
        }
    }
}
