//! `call.retry`: a failed call that is safe to repeat is retried with growing, random pauses, honours Retry-After, and ends.
//!
//! - **Hypothesis**: a call that fails once is repeated and the request succeeds; repeats are few, after pauses that grow and
//!   differ; none comes before Retry-After says so; a call that is not safe to repeat comes once.
//! - **Sent**: one after the other, a request that causes one call: to a dependency that fails the first call; eight times to
//!   one that always answers 503; twice to one that answers 503 with `Retry-After: 1`.
//! - **Decides**: for a call that is safe (its method, or an Idempotency-Key): no repeat, more than ten, pauses that are nothing
//!   (under 2 ms) or the same (middle half within 3 % or 2 ms of each other), pauses whose mean shrinks, a repeat sooner than
//!   Retry-After less 50 ms: each falls short. Pauses that neither differ clearly (10 %) nor are clearly the same, or neither
//!   grow nor shrink clearly: unknown. For a call that is not safe: a repeat falls short, none is not applicable.
//! - **Blast radius**: the service is started again with the prover's double in the dependency's place, and stopped at the end.
//! - **Bound in time**: 11 requests, each at most the subject's deadline and 5 s, at most 90 s in all.

use std::time::{Duration, Instant};

use drill::double::{Behaviour, Call};

use super::watched::{self, Watched, percentile};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;

const ID: &str = "call.retry";
/// Requests whose repeats are compared.
const SAMPLES: usize = 8;
/// Fewer say nothing of randomness.
const FEWEST: usize = 6;
/// The most attempts that count as few.
const MOST_ATTEMPTS: usize = 10;
/// How long repeats may follow the answer.
const AFTERWARDS: Duration = Duration::from_millis(300);
/// Below this two attempts have no pause between them.
const AT_ONCE: Duration = Duration::from_millis(2);
/// How much sooner than told is still the clock's fault.
const CLOCKS: Duration = Duration::from_millis(50);
/// What [`Behaviour::Unavailable`] is told to say, in seconds.
const RETRY_AFTER: u64 = 1;
/// All of it.
const IN_ALL: Duration = Duration::from_secs(90);

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    let watched = match watched::take_place(ID, lab).await {
        Ok(watched) => watched,
        Err(finding) => return finding,
    };
    let finding = judge(lab, &watched).await;
    lab.stop().await;
    finding
}

async fn judge(lab: &Lab, watched: &Watched) -> Finding {
    let begun = Instant::now();
    let name = &watched.name;
    watched.set(Behaviour::FailFirst(1));
    let (first, well) = attempts(lab, watched).await;
    let Some(call) = first.first() else {
        return Finding::unknown(ID, format!("{name} was not called any more"), Vec::new());
    };
    let kind = format!("{} {}", call.method, call.path);
    if !call.is_safe_to_repeat() {
        let what = format!("{kind}, which is not safe to repeat, came {} times after one failure", first.len());
        let evidence = vec![Evidence { good: (first.len() > 1).then_some(false), ..Evidence::note(what) }];
        return match first.len() {
            1 => Finding::not_applicable(ID, "the call that was seen is not safe to repeat, and came once", evidence),
            _ => Finding::judge(ID, "", evidence),
        };
    }
    let what = format!("{kind} failed once, came {} times in all, and the request {}", first.len(), succeeded(well));
    let mut evidence = vec![Evidence::saw(well && first.len() > 1, what)];
    if first.len() == 1 {
        return Finding::judge(ID, "", evidence);
    }
    watched.set(Behaviour::Unavailable(None));
    let mut chains = Vec::new();
    while chains.len() < SAMPLES && begun.elapsed() < IN_ALL {
        chains.push(gaps(&attempts(lab, watched).await.0));
    }
    evidence.extend(pauses(&chains));
    watched.set(Behaviour::Unavailable(Some(RETRY_AFTER)));
    for _ in 0..2 {
        if begun.elapsed() < IN_ALL {
            evidence.push(told_when(&gaps(&attempts(lab, watched).await.0)));
        }
    }
    let undecided: Vec<&str> =
        evidence.iter().filter(|piece| piece.good.is_none()).map(|piece| piece.what.as_str()).collect();
    if evidence.iter().all(|piece| piece.good != Some(false)) && !undecided.is_empty() {
        return Finding::unknown(ID, undecided.join("; "), evidence);
    }
    Finding::judge(
        ID,
        format!("{kind} was repeated after pauses that grow and differ, and not before it was told"),
        evidence,
    )
}

fn succeeded(well: bool) -> &'static str {
    if well { "succeeded" } else { "did not succeed" }
}

/// The calls that one request causes, and whether it was answered as declared.
async fn attempts(lab: &Lab, watched: &Watched) -> (Vec<Call>, bool) {
    watched.double.take_calls();
    let well = watched.is_well(lab).await;
    tokio::time::sleep(AFTERWARDS).await;
    (watched.double.take_calls(), well)
}

fn gaps(calls: &[Call]) -> Vec<Duration> {
    calls.windows(2).map(|pair| pair[1].at.saturating_duration_since(pair[0].at)).collect()
}

/// What the pauses of many chains say.
fn pauses(chains: &[Vec<Duration>]) -> Vec<Evidence> {
    let nth = |n: usize| -> Vec<Duration> { chains.iter().filter_map(|chain| chain.get(n).copied()).collect() };
    let most = chains.iter().map(|chain| chain.len() + 1).max().unwrap_or(0);
    let few = format!("with every call failing, a request caused at most {most} attempts");
    let mut evidence = vec![Evidence::saw(most <= MOST_ATTEMPTS, few)];
    let first = nth(0);
    if first.len() < FEWEST {
        evidence.push(Evidence::note(format!(
            "only {} of {} requests had their call repeated",
            first.len(),
            chains.len()
        )));
        return evidence;
    }
    let middle = percentile(first.clone(), 50);
    if percentile(first.clone(), 75) < AT_ONCE {
        evidence.push(Evidence::saw(false, format!("the first repeat comes at once, after {middle:.1?}")));
        return evidence;
    }
    let spread = percentile(first.clone(), 75) - percentile(first.clone(), 25);
    let what = format!("the first pause is {middle:.1?} in the middle, and its middle half is {spread:.1?} wide");
    let good =
        if spread <= (middle * 3 / 100).max(AT_ONCE) { Some(false) } else { (spread >= middle / 10).then_some(true) };
    evidence.push(Evidence { good, ..Evidence::note(what) });
    let mut last = most.saturating_sub(2);
    while last > 0 && nth(last).len() < FEWEST {
        last -= 1;
    }
    if last > 0 {
        let (early, late) = (mean(&first), mean(&nth(last)));
        let what = format!("the mean pause is {early:.1?} at first and {late:.1?} before attempt {}", last + 2);
        let good = if late >= early * 13 / 10 { Some(true) } else { (late < early / 2).then_some(false) };
        evidence.push(Evidence { good, ..Evidence::note(what) });
    }
    evidence
}

fn mean(values: &[Duration]) -> Duration {
    values.iter().sum::<Duration>() / u32::try_from(values.len().max(1)).unwrap_or(u32::MAX)
}

fn told_when(gaps: &[Duration]) -> Evidence {
    match gaps.first() {
        None => Evidence::saw(true, format!("told to come back after {RETRY_AFTER} s, it did not repeat the call")),
        Some(gap) => {
            let what = format!("told to come back after {RETRY_AFTER} s, it repeated the call after {gap:.1?}");
            Evidence::saw(*gap + CLOCKS >= Duration::from_secs(RETRY_AFTER), what)
        }
    }
}
