//! `call.bulkhead`: a dependency that hangs cannot starve what does not need it.
//!
//! - **Hypothesis**: with a dependency silent and many requests in flight that use it, requests that do not are answered as
//!   before, and calls to the dependency stay at a bound.
//! - **Sent**: 20 bystanders in peace, and 128 requests that use the dependency one after the other; then requests that use the dependency, 128 in flight and, when the service is well again,
//!   256, each from an address of its own where the service listens on a loopback address, and sent again a second after it
//!   ends; 30 bystanders during each. When both found a call for each request, 1,200 follow: more than most services work on at
//!   once. Bystanders are GETs that do not use the dependency, up to four kinds in turn.
//! - **Decides**: a fifth of the bystanders of a flood or more without the same answer within 2 s falls short, unless a flood of
//!   the same size starves them too while the dependency answers: then it is the load, and nothing is known. All as before, at
//!   the 90th percentile within 250 ms or five times the baseline, and calls that came to rest at the same number in both floods,
//!   below 128, before any had ended, where all were answered and caused a call one after the other: holds. Calls whose number grows with the flood, or that come until others end, show no
//!   bound: unknown, unless the third flood starves bystanders. So do a service that is not well again 50 s after a flood, and
//!   requests that found no connection.
//! - **Blast radius**: the service is started again with the prover's double in the dependency's place, and stopped at the end.
//! - **Bound in time**: for each flood 4 s, at worst 16 s when bystanders are not answered; between them at most 50 s.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_drill::double::Behaviour;
use keel_wire::http::Failure;

use super::support::bystanders::{Bystanders, Seen};
use super::support::concurrency_bound::{self, Crowd};
use super::support::double_in_place::{self, Watched};
use crate::clause::call::bulkhead as clause;
use crate::contention::{self, Contention};
use crate::control::{Control, Uncontrolled};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::{Dependency, Manner, WithDependency};
use crate::subject::RequestSpec;

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "call.bulkhead";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Requests in flight that use the dependency, in this order: the smaller first, which does less harm when nothing is bounded.
const FLOODS: [u32; 2] = [128, 256];
/// And when each of those caused a call.
const LARGE: u32 = 1200;
/// Time over which a flood of any size is spread: no queue of connections overflows, and a larger one comes faster.
const SPREAD: Duration = Duration::from_millis(256);
/// After its answer, until the same is sent again: the dependency stays wanted.
const AGAIN: Duration = Duration::from_secs(1);
/// Until those in flight hold what they can hold; at any pace twice as long as they take to come.
const FILLING: Duration = Duration::from_secs(1);
/// The longest that the service is waited for between the floods: a breaker may have opened.
const RECOVERY: Duration = Duration::from_secs(50);
/// Within which the script that shows starvation has others answered.
const PATIENCE: Duration = Duration::from_secs(2);
/// The share of requests in peace, one after the other, that must be answered and cause a call.
const SERVED: f64 = 0.95;
/// The first of the addresses that floods come from.
const SOURCES: Ipv4Addr = Ipv4Addr::new(127, 0, 2, 1);

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    double_in_place::examine(ID, lab, |lab, watched| Box::pin(beside_others(lab, watched))).await
}

/// The finding, when the mix has requests that do not use the dependency.
async fn beside_others(lab: &Lab, watched: &Watched) -> Finding {
    let needs_it = |spec: &RequestSpec| spec.uses.contains(&watched.name);
    match Bystanders::of(lab, |spec| !needs_it(spec)) {
        Some(bystanders) => judge(lab, watched, &bystanders).await,
        None => {
            let reason = format!("every GET in [[requests]] uses {}: declare one that stands by", watched.name);
            Finding::unknown(ID, reason, Vec::new())
        }
    }
}

async fn judge(lab: &Lab, watched: &Watched, bystanders: &Bystanders) -> Finding {
    let (name, who) = (&watched.name, bystanders.who());
    let peace = bystanders.in_peace(lab).await;
    if peace.amiss > 0 {
        let reason = format!("bystanders ({who}) are not always answered as declared even in peace");
        return Finding::unknown(ID, reason, Vec::new());
    }
    let paced = paced_in_peace(lab, watched).await;
    let groups = "groups of clients cannot be declared, so a bound of each was not looked for";
    let (mut evidence, mut crowds) = (vec![clause::PER_GROUP.gap(groups)], Vec::new());
    for size in FLOODS.into_iter().chain([LARGE]) {
        if size == LARGE && !crowds.iter().all(Crowd::is_whole) {
            break;
        }
        if !crowds.is_empty() && watched.well_again(lab, RECOVERY).await.is_none() {
            let reason = format!("{name} was not called again within {RECOVERY:?}, so no flood of {size} was sent");
            return Finding::unknown(ID, reason, evidence);
        }
        let flood = Flood::send(lab, watched, bystanders, size, Behaviour::Hang).await;
        let starved = flood.bystanders.are_starved();
        if starved && starved_by_load(lab, watched, bystanders, size).await {
            let what = flood.told(name, &who, &peace);
            evidence.push(clause::ISOLATION.gap(format!("{what}; so it was with {name} answering: it is the load")));
            return Finding::judge(ID, evidence);
        }
        let ask = (lab.fill(&watched.spec), PATIENCE);
        let fault = WithDependency::OthersStarve { times: size as usize, other: bystanders.request(lab) };
        let recipe = Dependency::of(&lab.subject, name, Manner::Hangs, ask, fault);
        let piece = flood.judge(name, &who, &peace);
        evidence.push(recipe.into_iter().fold(piece, Evidence::reproduced_by));
        if starved {
            return Finding::judge(ID, evidence);
        }
        if flood.unconnected > 0 {
            let reason =
                format!("{} of {size} requests found no connection: what they meet is not seen", flood.unconnected);
            return Finding::unknown(ID, reason, evidence);
        }
        crowds.push(flood.crowd);
    }
    let told = crowds.iter().map(|crowd| crowd.told(name)).collect::<Vec<_>>().join("; ");
    match concurrency_bound::bound(&crowds) {
        Some(bound) => {
            let what = format!("at most {bound} calls to {name} were open at any load: {told}");
            for clause in [clause::PER_DEPENDENCY, clause::BOUNDED] {
                evidence.push(match &paced {
                    Ok(control) => clause.holds(&what).by(control),
                    Err(failed) => clause.gap(format!("{what}, but {}", failed.what)),
                });
            }
        }
        None => evidence.push(clause::BOUNDED.gap(format!("no bound of calls to {name} was seen: {told}"))),
    }
    Finding::judge(ID, evidence)
}

/// As many requests as the smaller flood, one after the other in peace: what spares calls then, such as a rate limit, is no bound of
/// calls at a time.
async fn paced_in_peace(lab: &Lab, watched: &Watched) -> Result<Control, Uncontrolled> {
    watched.double.take_calls();
    let (mut served, mut calls) = (0, 0);
    for _ in 0..FLOODS[0] {
        served += usize::from(watched.is_well(lab).await);
        calls += usize::from(!watched.double.take_calls().is_empty());
    }
    Control::peace(served.min(calls), FLOODS[0] as usize, SERVED)
}

/// Returns true if a flood of the same size starves bystanders also while the dependency answers. A service that is not well again after
/// the first one cannot be excused so.
async fn starved_by_load(lab: &Lab, watched: &Watched, bystanders: &Bystanders, size: u32) -> bool {
    watched.well_again(lab, RECOVERY).await.is_some()
        && Flood::send(lab, watched, bystanders, size, Behaviour::Pass).await.bystanders.are_starved()
}

/// Outcome of one flood.
struct Flood {
    bystanders: Seen,
    crowd: Crowd,
    /// Requests that found no connection.
    unconnected: usize,
    /// Contention while bystanders were asked.
    contention: Contention,
}

impl Flood {
    /// Sends it and looks at bystanders meanwhile; those in flight are dropped at the end.
    async fn send(lab: &Lab, watched: &Watched, bystanders: &Bystanders, size: u32, behaviour: Behaviour) -> Self {
        watched.set(behaviour);
        watched.double.take_calls();
        let unconnected = AtomicUsize::new(0);
        let meanwhile = async {
            tokio::time::sleep(lab.pace.of(FILLING).max(SPREAD * 2)).await;
            let contention = contention::Watch::begin(lab);
            (bystanders.meanwhile(lab).await, contention.end())
        };
        let flood = join_all((0..size).map(|number| one(lab, watched, size, number, &unconnected)));
        let (bystanders, contention) = tokio::select! {
            seen = meanwhile => seen,
            // None of them ever ends.
            _ = flood => (Seen::NONE, Contention::default()),
        };
        let crowd = Crowd::of(size as usize, &watched.double.take_calls(), Instant::now());
        Self { bystanders, crowd, unconnected: unconnected.into_inner(), contention }
    }

    fn told(&self, name: &str, who: &str, peace: &Seen) -> String {
        let (seen, size) = (&self.bystanders, self.crowd.size);
        format!(
            "with {name} silent and {size} requests in flight that use it, {} of {} bystanders ({who}) were answered as before, \
             within {:.0?} at the 90th percentile, {:.0?} in peace; {}",
            seen.sent - seen.amiss,
            seen.sent,
            seen.slow,
            peace.slow,
            self.crowd.told(name)
        )
    }

    fn judge(&self, name: &str, who: &str, peace: &Seen) -> Evidence {
        let (seen, what) = (&self.bystanders, self.told(name, who, peace));
        let met = Control::seen(
            self.crowd.open > 0,
            format!("{} calls to {name} were open and unanswered", self.crowd.open),
            format!("no call to {name} came"),
        );
        let piece = match (seen.as_in(peace), met) {
            (Some(good), Ok(control)) => clause::ISOLATION.saw(good, what).by(&control),
            (Some(false), Err(_)) => clause::ISOLATION.contradicts(what),
            (_, Err(failed)) => clause::ISOLATION.gap(format!("{what}; {}", failed.what)),
            (None, _) => clause::ISOLATION.gap(what),
        };
        // Those that are given up have taken as long as they may.
        self.contention.excuse(piece, seen.slow, PATIENCE / 2)
    }
}

/// One of the flood: a request that uses the dependency, sent again for ever.
async fn one(lab: &Lab, watched: &Watched, size: u32, number: u32, unconnected: &AtomicUsize) {
    let client = lab.http().with_source(Ipv4Addr::from(u32::from(SOURCES) + number));
    tokio::time::sleep(SPREAD * number / size).await;
    loop {
        let exchange = client.send(lab.fill(&watched.spec)).await;
        if matches!(exchange.outcome, Err(Failure::Connect(_))) {
            unconnected.fetch_add(1, Ordering::Relaxed);
        }
        tokio::time::sleep(AGAIN).await;
    }
}
