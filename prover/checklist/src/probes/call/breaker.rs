//! `call.breaker`: a circuit breaker opens on failures, fails fast, and closes again by itself.
//!
//! - **Hypothesis**: while the dependency fails, by its answers or by its silence, calls to it drop to a few, requests are
//!   answered fast, and calls come back when it is mended.
//! - **Sent**: a request that causes one call, 20 a second: 200 while the dependency answers 503 for the breaker to see, then
//!   100 that are counted; after it is mended one every 300 ms. When calls were spared, the same with a dependency that never
//!   answers, for the deadline and 6 s before 100 are counted; not with a deadline above 10 s.
//! - **Decides**: of the counted hundred, calls for more than 80 % (no breaker, or none for that way of failing) falls short; for
//!   at most 20 %, the others answered within 250 ms, and answered as declared again afterwards (holds). Anything between, and a
//!   breaker that is still open 50 s after the mending, is unknown. A bound of calls spares calls to a silent dependency too, so
//!   that silence alone makes no breaker. Slow answers are not tried: how slow is too slow no service states.
//! - **Blast radius**: the service is started again with the prover's double in the dependency's place, and stopped at the end.
//! - **Bound in time**: 15 s of load and at most 50 s of recovery; then at most 31 s and 50 s.

use std::time::{Duration, Instant};

use keel_drill::double::Behaviour;
use keel_wire::http::Exchange;

use super::support::double_in_place::{self, Watched, percentile};
use super::support::proxied_dependency::GRACE;
use crate::clause::call::breaker as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "call.breaker";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Between two requests.
const EVERY: Duration = Duration::from_millis(50);
/// Over which failures come that a breaker may want to see: 200 requests, as libraries' defaults go up to 100 calls.
const WARM_UP: Duration = Duration::from_secs(10);
/// On top of the deadline, by which the first call to a silent dependency has failed: a hundred requests.
const SILENT_WARM_UP: Duration = Duration::from_secs(5);
/// Requests that are counted.
const COUNTED: u32 = 100;
/// Calls in a hundred requests: at most so many are probes, more than so many are no breaker's.
const PROBES: usize = 20;
const UNBROKEN: usize = 80;
/// A refusal without a call takes no longer.
const FAST: Duration = Duration::from_millis(250);
/// The longest that an open breaker is waited for.
const RECOVERY: Duration = Duration::from_secs(50);
/// Services with a longer deadline are not examined with a silent dependency.
const MOST_DEADLINE: Duration = Duration::from_secs(10);

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    double_in_place::examine(ID, lab, |lab, watched| Box::pin(judge(lab, watched))).await
}

async fn judge(lab: &Lab, watched: &Watched) -> Finding {
    let (name, deadline) = (&watched.name, lab.subject.deadline);
    let mut evidence = Vec::new();
    let failing = Counted::under(lab, watched, Behaviour::Unavailable(None), lab.pace.of(WARM_UP)).await;
    if let Some(finding) = conclude(lab, watched, &failing, &format!("{name} answered 503"), &mut evidence).await {
        return finding;
    }
    if deadline <= MOST_DEADLINE {
        let warm_up = deadline + lab.pace.of(GRACE + SILENT_WARM_UP);
        let silent = Counted::under(lab, watched, Behaviour::Hang, warm_up).await;
        if let Some(finding) = conclude(lab, watched, &silent, &format!("{name} was silent"), &mut evidence).await {
            return finding;
        }
    } else {
        evidence.push(clause::FAILURE_RATE.gap(format!(
            "a silent {name} was not tried: with a deadline of {deadline:?} calls may fail too late to be counted"
        )));
    }
    Finding::judge(ID, evidence)
}

/// What a hundred requests caused, after a breaker had time to open.
struct Counted {
    calls: usize,
    /// When they were refused: the latency of those that caused no call, at most.
    refused_within: Duration,
}

impl Counted {
    async fn under(lab: &Lab, watched: &Watched, behaviour: Behaviour, warm_up: Duration) -> Self {
        let every = lab.pace.of(EVERY);
        let before = u32::try_from(warm_up.as_micros() / every.as_micros().max(1)).unwrap_or(u32::MAX);
        watched.set(behaviour);
        watched.double.take_calls();
        let from = Instant::now() + every * before;
        let sent = watched.load(lab, every, before + COUNTED).await;
        let calls = watched.double.take_calls().iter().filter(|call| call.at >= from).count();
        let took = |exchange: &Exchange| exchange.took;
        let refused_within = percentile(sent[before as usize..].iter().map(took).collect(), 100 - PROBES);
        Self { calls, refused_within }
    }
}

/// The finding when this way of failing decides; else notes what speaks for a breaker.
async fn conclude(
    lab: &Lab,
    watched: &Watched,
    counted: &Counted,
    when: &str,
    evidence: &mut Vec<Evidence>,
) -> Option<Finding> {
    let Counted { calls, refused_within } = *counted;
    let told = format!("while {when}, {COUNTED} requests caused {calls} calls");
    if calls > UNBROKEN {
        evidence.push(clause::FAILURE_RATE.contradicts(format!("{told}: none was spared")));
        return Some(Finding::judge(ID, std::mem::take(evidence)));
    }
    evidence.push(clause::FAILURE_RATE.maybe((calls <= PROBES).then_some(true), told));
    if (1..=PROBES).contains(&calls) {
        evidence.push(
            clause::HALF_OPEN.holds(format!("{calls} calls in {COUNTED} requests looked whether it is well again")),
        );
    }
    let fast = format!("{} of {COUNTED} requests were then answered within {refused_within:.0?}", 100 - PROBES);
    evidence.push(clause::FAILS_FAST.maybe((refused_within <= FAST).then_some(true), fast));
    let name = &watched.name;
    let Some(took) = watched.well_again(lab, RECOVERY).await else {
        let reason = format!("{name} was not called again {RECOVERY:?} after it was mended");
        return Some(Finding::unknown(ID, reason, std::mem::take(evidence)));
    };
    evidence.push(clause::CLOSES.holds(format!("{name} was called again {took:.1?} after it was mended")));
    let between = calls > PROBES || refused_within > FAST;
    between.then(|| Finding::judge(ID, std::mem::take(evidence)))
}
