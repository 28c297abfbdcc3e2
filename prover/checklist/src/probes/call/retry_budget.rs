//! `call.retry-budget`: when everything fails, load on the dependency rises by the budget's ratio, not by the retry count.
//!
//! - **Hypothesis**: with every call failing under a steady load, attempts stay near 1.1 times the requests.
//! - **Sent**: 40 requests that succeed, as they may pay for repeats, and two alone, to see whether a failed call is repeated at all;
//!   then 200 a second for 6 s, to a dependency that fails as it did then: answers 503, or hangs up when only that is repeated.
//! - **Decides**: attempts for each request of the load: at most 1.1 and a floor of 10 a second (the default of Finagle's and
//!   Linkerd's budgets), which makes 1.15, holds; from 1.5 falls short; between them unknown, as no service states its floor. The
//!   rate is high so that a floor, or tokens that were saved in peace, weigh little and a repeat for each request weighs all.
//!   When no call alone was repeated, not applicable; unknown when some requests alone caused none. When fewer than nine calls
//!   came for ten requests something refused them before they were made (a breaker, a server marked down), and the load is
//!   sent again to a dependency that fails three calls of ten, which opens few breakers: up to half of the failed calls
//!   repeated (a tenth of the successes and the floor) holds, from seven of ten, as a single repeat each makes it, falls short. Otherwise it is unknown.
//! - **Blast radius**: the service is started again with the prover's double in the dependency's place, and stopped at the end.
//! - **Bound in time**: 24 s and four times the subject's deadline, and at most 45 s for a breaker that opens.

use std::time::Duration;

use keel_drill::double::{Behaviour, failures};

use super::support::double_in_place::{self, Watched};
use crate::clause::call::retry_budget as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::{Dependency, Manner, WithDependency};

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "call.retry-budget";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Requests alone: that the second is called at all shows that no breaker hid a repeat of the first.
const ALONE: u32 = 2;
/// Between two of the load.
const EVERY: Duration = Duration::from_millis(5);
/// The same at any pace: a busy machine sends no more.
const LEAST_EVERY: Duration = Duration::from_millis(4);
/// Of the load.
const REQUESTS: u32 = 1200;
/// Attempts that a small floor allows in all: 10 a second.
const FLOOR: f64 = 60.0;
/// The budget's ratio, and the ratio that no floor explains.
const WITHIN: f64 = 1.1;
const BEYOND: f64 = 1.5;
/// Calls for each request below which requests were refused before they became calls.
const REFUSED: f64 = 0.9;
/// Of a hundred calls, that fail when all failing ones open a breaker.
const SHARE: u32 = 30;
/// Repeats of those that failed: what a budget of a tenth of the successes pays for with the floor, and what none explains.
const PAID: f64 = 0.5;
const UNPAID: f64 = 0.7;
/// Time that a breaker that opened during single requests is waited for.
const WELL_AGAIN: Duration = Duration::from_secs(15);
/// Time that attempts may follow the answers.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    double_in_place::examine(ID, lab, |lab, watched| Box::pin(judge(lab, watched))).await
}

async fn judge(lab: &Lab, watched: &Watched) -> Finding {
    let name = &watched.name;
    let mut evidence = Vec::new();
    let (mut repeated, mut refused) = (false, false);
    for (behaviour, told) in
        [(Behaviour::Unavailable(None), "answering 503"), (Behaviour::HangUp(Duration::ZERO), "hanging up")]
    {
        watched.rest(lab).await;
        watched.set(behaviour);
        let mut calls = Vec::new();
        for _ in 0..ALONE {
            watched.double.take_calls();
            watched.ask(lab).await;
            tokio::time::sleep(lab.pace.of(AFTERWARDS)).await;
            calls.push(watched.double.take_calls().len());
        }
        evidence
            .push(clause::BUDGET.figure(format!("{ALONE} requests alone, with {name} {told}, caused {calls:?} calls")));
        repeated = calls.iter().any(|calls| *calls > 1);
        if repeated {
            break;
        }
        refused |= calls.contains(&0);
    }
    if !repeated {
        let what = format!("no failed call to {name} was repeated when it was alone");
        if refused {
            let reason = format!(
                "{what}, but some requests were refused without a call: a breaker, or a list of servers that are \
                                  marked down, hides what limits repeats"
            );
            return Finding::unknown(ID, reason, watched.controlled(evidence));
        }
        return Finding::not_applicable(ID, what, evidence);
    }
    let calls = calls_of_load(lab, watched).await;
    let ratio = f64::from(calls) / f64::from(REQUESTS);
    let what = format!("{REQUESTS} requests in {:.0?} caused {calls} calls, {ratio:.2} each", every(lab) * REQUESTS);
    if ratio < REFUSED {
        evidence.push(
            clause::BUDGET
                .figure(format!("{what}: a breaker, or a list of servers that are marked down, refused them")),
        );
        return judge_partly(lab, watched, evidence).await;
    }
    let good = all_failed(calls, REQUESTS);
    let ask = (lab.fill(&watched.spec), lab.subject.deadline + Duration::from_secs(5));
    let most = (BEYOND * 100.0) as usize;
    let fault = WithDependency::Calls { requests: 200, counted: 100, most };
    let recipe = Dependency::of(&lab.subject, name, Manner::status(503, ""), ask, fault);
    let piece = clause::BUDGET.maybe(good, what.clone());
    evidence.push(recipe.into_iter().fold(piece, Evidence::reproduced_by));
    match good {
        None => Finding::unknown(
            ID,
            format!("{what}: more than a tenth, and a floor may explain it"),
            watched.controlled(evidence),
        ),
        Some(_) => Finding::judge(ID, watched.controlled(evidence)),
    }
}

/// The same load, while only some of the calls fail: too few for most breakers to open.
async fn judge_partly(lab: &Lab, watched: &Watched, mut evidence: Vec<Evidence>) -> Finding {
    let name = &watched.name;
    if watched.well_again(lab, WELL_AGAIN).await.is_none() {
        let reason =
            format!("requests were still refused {WELL_AGAIN:?} after {name} was mended, so a budget is not seen");
        return Finding::unknown(ID, reason, watched.controlled(evidence));
    }
    watched.double.take_calls();
    watched.set(Behaviour::FailShare(SHARE));
    let calls = calls_of_load(lab, watched).await;
    let failed = failures(calls, SHARE);
    let repeats = calls.saturating_sub(REQUESTS);
    let what = format!(
        "with {name} failing {SHARE} % of its calls, {REQUESTS} requests in {:.0?} caused {calls}: {repeats} repeats of {failed} \
         that failed",
        every(lab) * REQUESTS
    );
    if f64::from(calls) < REFUSED * f64::from(REQUESTS) || failed == 0 {
        evidence.push(clause::BUDGET.gap(what.clone()));
        return Finding::unknown(
            ID,
            format!("{what}: here, too, requests were refused before they became calls"),
            watched.controlled(evidence),
        );
    }
    let good = some_failed(repeats, failed);
    evidence.push(clause::BUDGET.maybe(good, what.clone()));
    match good {
        None => Finding::unknown(
            ID,
            format!("{what}: more than a tenth of the successes, and a floor may explain it"),
            watched.controlled(evidence),
        ),
        Some(_) => Finding::judge(ID, watched.controlled(evidence)),
    }
}

/// Judges the calls that so many requests caused while all calls failed; `None` if a floor may explain them.
fn all_failed(calls: u32, requests: u32) -> Option<bool> {
    let (calls, requests) = (f64::from(calls), f64::from(requests));
    if calls <= WITHIN * requests + FLOOR { Some(true) } else { (calls >= BEYOND * requests).then_some(false) }
}

/// Judges the repeats while only some calls failed; `None` if a floor may explain them.
fn some_failed(repeats: u32, failed: u32) -> Option<bool> {
    let share = f64::from(repeats) / f64::from(failed);
    if share <= PAID { Some(true) } else { (share >= UNPAID).then_some(false) }
}

/// Between two of the load, at this pace.
fn every(lab: &Lab) -> Duration {
    lab.pace.of(EVERY).max(LEAST_EVERY)
}

/// Counts the calls that the load causes.
async fn calls_of_load(lab: &Lab, watched: &Watched) -> u32 {
    watched.double.take_calls();
    watched.load(lab, every(lab), REQUESTS).await;
    tokio::time::sleep(lab.pace.of(AFTERWARDS)).await;
    u32::try_from(watched.double.take_calls().len()).unwrap_or(u32::MAX)
}
