//! `call.hedge`: slow reads may be asked for a second time while the first is under way, within a budget.
//!
//! - **Hypothesis**: when one call in many is slow, a second one comes while it is open, and the request is answered sooner; when
//!   all are slow, extra calls stay within a budget; what is not safe to repeat is never sent twice.
//! - **Sent**: a request that causes one call, one after the other: ten times, to a dependency that answers the first call late
//!   (after a quarter of the subject's deadline, at most 1 s) and others after a quarter of that, each time after 20 that are
//!   answered at once, so that what is recent is fast. Then each request that is not safe to repeat, twice, to a dependency that
//!   is late in the same way. When hedges were seen, 50 requests a second for 6 s, while all calls are late.
//! - **Decides**: a second call that came while the first was open, and stayed open beside it for longer than machines explain (a
//!   quarter of what the second takes), is a hedge; one that came only when the first had ended is a repeat after a timeout and
//!   none. At least five hedges, their requests answered sooner than the late call by a tenth, and calls for each request of the load
//!   within 1.1 and a floor of 10 a second (1.3) hold; more than 1.5 falls short, and so does a second call for a request that is
//!   not safe to repeat. Between 1.3 and 1.5 it is unknown, as no service states its floor; so are fewer than nine calls for ten
//!   requests. Fewer hedges than five fall short where the request is declared as `hedged`; else the attribute is unknown.
//! - **Blast radius**: the service is started again with the prover's double in the dependency's place, and stopped at the end.
//! - **Bound in time**: 210 requests one after the other and two for each that is not safe to repeat, each at most the subject's
//!   deadline and 5 s, none begun after 90 s; then 6 s and the subject's deadline and 5 s.

use std::time::{Duration, Instant};

use keel_drill::double::{Behaviour, Call};

use super::support::double_in_place::{self, Watched};
use crate::clause::call::hedge as clause;
use crate::contention;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::subject::RequestSpec;

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "call.hedge";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Slow calls.
const SLOW: usize = 10;
/// So many of them must be hedged: what a percentile of recent latency makes of them depends on chance.
const FEWEST: usize = SLOW / 2;
/// Requests that are answered at once, before each slow one.
const FAST: usize = 20;
/// Delay of the first call: this part of the subject's deadline, up to the maximum below.
const PART: u32 = 4;
const MOST_LATE: Duration = Duration::from_secs(1);
/// Time that calls may follow the answer.
const AFTERWARDS: Duration = Duration::from_millis(300);
/// Time that a breaker that opened meanwhile is waited for.
const WELL_AGAIN: Duration = Duration::from_secs(15);
/// No request is begun later.
const IN_ALL: Duration = Duration::from_secs(90);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(2);
/// Between two requests of the load, and how many they are.
const EVERY: Duration = Duration::from_millis(20);
const REQUESTS: u32 = 300;
/// Extra calls that a small floor allows in all: 10 a second.
const FLOOR: f64 = 60.0;
/// The budget's ratio, and the ratio that no floor explains.
const WITHIN: f64 = 1.1;
const BEYOND: f64 = 1.5;
/// Calls for each request below which requests were refused before they became calls.
const REFUSED: f64 = 0.9;

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    double_in_place::examine(ID, lab, |lab, watched| Box::pin(judge(lab, watched))).await
}

async fn judge(lab: &Lab, watched: &Watched) -> Finding {
    let begun = Instant::now();
    let late = (lab.subject.deadline / PART).min(MOST_LATE);
    let mut evidence = Vec::new();
    let mut seen = Vec::new();
    let contention = contention::Watch::begin(lab);
    while seen.len() < SLOW && begun.elapsed() < IN_ALL {
        watched.set(Behaviour::Pass);
        for _ in 0..FAST {
            watched.ask(lab).await;
        }
        seen.push(slow(lab, watched, &watched.spec, late).await);
    }
    let contention = contention.end();
    if !watched.call.is_safe_to_repeat() {
        evidence.push(once(&seen, &watched.spec, late));
        if evidence[0].is_for() {
            return Finding::not_applicable(ID, "no call was seen that is safe to repeat", evidence);
        }
        return Finding::judge(ID, watched.controlled(evidence));
    }
    let hedged: Vec<&Slow> = seen.iter().filter(|slow| slow.is_hedged(late)).collect();
    let sooner = hedged.iter().filter(|slow| slow.well && slow.took < late * 9 / 10).count();
    let repeated = seen.iter().filter(|slow| slow.calls.len() > 1).count() - hedged.len();
    let sooner_told =
        if hedged.is_empty() { String::new() } else { format!("; {sooner} of those were answered sooner") };
    let what = format!(
        "of {} requests whose first call took {late:.0?}, {repeated} had a second one after it, {} one beside it{sooner_told}",
        seen.len(),
        hedged.len()
    );
    evidence.push(match sooner >= FEWEST {
        true => clause::HEDGED.holds(what.clone()),
        false => clause::HEDGED.figure(what.clone()),
    });
    if let Some(first) = hedged.first() {
        evidence.push(clause::HEDGED.figure(first.told(late)));
    }
    for spec in &watched.unrepeatable {
        if begun.elapsed() < IN_ALL {
            let twice = [slow(lab, watched, spec, late).await, slow(lab, watched, spec, late).await];
            evidence.push(once(&twice, spec, late));
        }
    }
    if evidence.iter().any(|piece| piece.is_against()) {
        return Finding::judge(ID, watched.controlled(evidence));
    }
    if sooner < FEWEST && watched.spec.hedged {
        let what = format!("{} is declared as hedged, and was not: {what}", watched.spec.name);
        // Each has until its first call is answered.
        let piece = clause::HEDGED.contradicts(what);
        evidence.push(contention.excuse(piece, late + contention.noise(seen.len()), late + late / 4));
        return Finding::judge(ID, watched.controlled(evidence));
    }
    if sooner < FEWEST {
        return Finding::unknown(
            ID,
            format!("{what}: slow reads may be hedged, and it is not declared whether they are"),
            watched.controlled(evidence),
        );
    }
    budget(lab, watched, late, evidence).await
}

/// Judges the number of calls when all are slow, which no second call improves.
async fn budget(lab: &Lab, watched: &Watched, late: Duration, mut evidence: Vec<Evidence>) -> Finding {
    watched.well_again(lab, WELL_AGAIN).await;
    watched.set(Behaviour::Late(late));
    watched.double.take_calls();
    watched.load(lab, lab.pace.of(EVERY), REQUESTS).await;
    tokio::time::sleep(lab.pace.of(AFTERWARDS)).await;
    let calls = watched.double.take_calls().len();
    let ratio = calls as f64 / f64::from(REQUESTS);
    let what = format!("{REQUESTS} requests while all calls took {late:.0?} caused {calls} calls, {ratio:.2} each");
    let good = within_budget(calls as f64, f64::from(REQUESTS));
    evidence.push(clause::BUDGET.maybe(good, what.clone()));
    match good {
        None if ratio < REFUSED => {
            let reason =
                format!("{what}: requests were refused before they became calls, so what limits hedges is not seen");
            Finding::unknown(ID, reason, watched.controlled(evidence))
        }
        None => Finding::unknown(
            ID,
            format!("{what}: more than a tenth, and a floor may explain it"),
            watched.controlled(evidence),
        ),
        Some(_) => Finding::judge(ID, watched.controlled(evidence)),
    }
}

/// Judges the number of calls when all are slow; `None` if requests were refused before they became calls, or a floor may explain it.
fn within_budget(calls: f64, requests: f64) -> Option<bool> {
    match calls / requests {
        ratio if ratio < REFUSED => None,
        _ if calls <= WITHIN * requests + FLOOR => Some(true),
        ratio => (ratio >= BEYOND).then_some(false),
    }
}

/// Calls of a request whose first call was slow.
struct Slow {
    calls: Vec<Call>,
    took: Duration,
    /// True if it was answered as declared.
    well: bool,
}

/// Sends a request whose first call is answered late, and others after a quarter of that.
async fn slow(lab: &Lab, watched: &Watched, spec: &RequestSpec, late: Duration) -> Slow {
    watched.set(Behaviour::Late(late));
    watched.double.take_calls();
    let client = lab.http();
    let request = client.send(lab.fill(spec));
    let others = async {
        while watched.double.calls().is_empty() {
            tokio::time::sleep(LOOK).await;
        }
        watched.set(Behaviour::Late(late / 4));
        std::future::pending().await
    };
    let exchange = tokio::select! {
        exchange = request => exchange,
        never = others => never,
    };
    let answered = Instant::now();
    while watched.double.open() > 0 && answered.elapsed() < late * 2 {
        tokio::time::sleep(LOOK).await;
    }
    let well = exchange.status().is_some_and(|status| spec.expects(status.as_u16()));
    Slow { calls: watched.double.take_calls(), took: exchange.took, well }
}

impl Slow {
    /// Returns true if a second call was open beside the first for longer than it takes to notice that one has ended.
    fn is_hedged(&self, late: Duration) -> bool {
        let [first, second, ..] = self.calls.as_slice() else { return false };
        first.ended.is_none_or(|ended| ended >= second.at + late / 16)
    }

    fn told(&self, late: Duration) -> String {
        let [first, second, ..] = self.calls.as_slice() else { return String::new() };
        let open = first.ended.map_or(late, |ended| ended.saturating_duration_since(first.at));
        format!(
            "the second call came {:.0?} after the first, which ended after {open:.0?} (its answer would have taken {late:.0?}); \
             the request was answered after {:.0?}",
            second.at.saturating_duration_since(first.at),
            self.took
        )
    }
}

/// Judges that requests that are not safe to repeat were sent once, although their calls were slow.
fn once(seen: &[Slow], spec: &RequestSpec, late: Duration) -> Evidence {
    let calls: Vec<usize> = seen.iter().map(|slow| slow.calls.len()).collect();
    let what =
        format!("{}, which is not safe to repeat, caused {calls:?} calls when the first took {late:.0?}", spec.name);
    let good = match calls.iter().max() {
        Some(2..) => Some(false),
        Some(1) => Some(true),
        _ => None,
    };
    clause::HEDGED.maybe(good, what)
}
