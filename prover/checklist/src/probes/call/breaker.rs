//! `call.breaker`: a circuit breaker opens on failures or slow calls, fails fast, and closes again by itself.
//!
//! - **Hypothesis**: while a dependency fails, by its answers, by its silence or by being late, calls to it drop to a few, requests
//!   are answered fast, and calls come back when it is mended.
//! - **Sent**: for each dependency that speaks plain HTTP a request that causes one call, 33 a second: 100 in peace; then, while
//!   the dependency answers 503, at most 200 until a breaker is seen to be open, and 100 that are counted; after it is mended one
//!   every 300 ms. The same, 20 a second, with a dependency that never answers, with a deadline of at most 10 s, and with one that
//!   answers after four fifths of what calls to the silent one lasted.
//! - **Decides**: nothing when a hundred in peace are not all answered and cause a call each: what else spares calls, such as a rate
//!   limit, is no breaker. Of the counted hundred, calls for more than 80 (no breaker, or none for that way of failing) fall
//!   short; at most 20, the others answered within 250 ms, and answered as declared again afterwards, hold. Refusals that take more than
//!   a second fall short. What lies between is a gap, and so are a breaker that is still open 50 s after the mending, and one that
//!   makes no call in a hundred requests. A bound of calls at a time spares calls to a silent or late dependency too: they count
//!   when none is open for a good part of the time, or when each request caused a call before any had ended. Late calls
//!   that are not spared are a gap: no service states how slow is too slow.
//! - **Blast radius**: the service is started again with the prover's double in the dependency's place, and stopped at the end.
//! - **Bound in time**: 110 s in all; for each dependency 3 s in peace, 9 s and twice 15 s of load and at most 50 s of recovery.

use std::time::Duration;

use keel_drill::double::Behaviour;

use self::spared::{COUNTED, PROBES, Spared, UNBROKEN};
use super::support::double_in_place::{self, Watched};
use super::support::facts;
use super::support::proxied_dependency::GRACE;
use crate::clause::Clause;
use crate::clause::call::breaker as clause;
use crate::control::{Control, Uncontrolled};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::{Dependency, Manner, WithDependency};

#[cfg(test)]
mod judge_tests;
mod spared;
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
/// Between two requests while their calls end at once, and while they wait.
const EVERY: Duration = Duration::from_millis(30);
const WAITING_EVERY: Duration = Duration::from_millis(50);
/// Over which failures come that a breaker may want to see: 200 requests, as libraries' defaults go up to 100 calls.
const WARM_UP: Duration = Duration::from_secs(6);
/// On top of the deadline, by which the first call to a silent dependency has failed: a hundred requests.
const SILENT_WARM_UP: Duration = Duration::from_secs(5);
/// A refusal without a call takes no longer; one that takes so long is not fast.
const FAST: Duration = Duration::from_millis(250);
const NOT_FAST: Duration = Duration::from_secs(1);
/// The longest that an open breaker is waited for.
const RECOVERY: Duration = Duration::from_secs(50);
/// Services with a longer deadline are not examined with a silent dependency.
const MOST_DEADLINE: Duration = Duration::from_secs(10);
/// Calls to a late dependency last four fifths of what calls to a silent one do; below this the machine's own noise decides.
const LEAST_LATE: Duration = Duration::from_millis(200);
const CLAUSES: [Clause; 5] =
    [clause::FAILURE_RATE, clause::SLOW_CALLS, clause::FAILS_FAST, clause::HALF_OPEN, clause::CLOSES];

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    double_in_place::examine(ID, lab, |lab, watched| Box::pin(judge(lab, watched))).await
}

async fn judge(lab: &Lab, watched: &Watched) -> Finding {
    let (name, deadline, every) = (&watched.name, lab.subject.deadline, lab.pace.of(EVERY));
    let peace = match spared::in_peace(lab, watched, every).await {
        Ok(peace) => peace,
        Err(failed) => {
            return Finding::judge(ID, CLAUSES.iter().map(|clause| clause.uncontrolled(&failed)).collect());
        }
    };
    let mut evidence = Vec::new();
    let failing = Spared::under(lab, watched, Behaviour::Unavailable(None), every, lab.pace.of(WARM_UP)).await;
    let piece = opened(clause::FAILURE_RATE, &failing, &format!("{name} answered 503"), &Ok(peace.clone()));
    let ask = (lab.fill(&watched.spec), deadline + GRACE);
    let fault = WithDependency::Calls { requests: 300, counted: COUNTED as usize, most: UNBROKEN };
    let recipe = Dependency::of(&lab.subject, name, Manner::status(503, ""), ask, fault);
    evidence.push(recipe.into_iter().fold(piece, Evidence::reproduced_by));
    if failing.is_open() == Some(false) || !closes(lab, watched, &failing, &peace, &mut evidence).await {
        return Finding::judge(ID, evidence);
    }
    if deadline > MOST_DEADLINE {
        let what = format!("with a deadline of {deadline:?} calls may fail too late to be counted");
        evidence.push(clause::FAILURE_RATE.gap(format!("a silent {name} was not tried: {what}")));
        evidence.push(clause::SLOW_CALLS.gap(format!("a late {name} was not tried: {what}")));
        return Finding::judge(ID, evidence);
    }
    let warm_up = deadline + lab.pace.of(GRACE + SILENT_WARM_UP);
    let every = lab.pace.of(WAITING_EVERY);
    let silent = Spared::under(lab, watched, Behaviour::Hang, every, warm_up).await;
    let piece = opened(clause::FAILURE_RATE, &silent, &format!("{name} was silent"), &silent.by_no_bound(name));
    let in_time = silent.answered_within.is_some_and(|within| within <= deadline + GRACE);
    evidence.push(piece.fact(facts::answered_while_silent(name, &watched.spec.name), in_time));
    if silent.is_open() == Some(false) || !closes(lab, watched, &silent, &peace, &mut evidence).await {
        return Finding::judge(ID, evidence);
    }
    let late = silent.lasted * 4 / 5;
    if late < LEAST_LATE {
        let what =
            format!("calls to a silent {name} last {:.0?}: nothing slower than usual is still in time", silent.lasted);
        evidence.push(clause::SLOW_CALLS.gap(what));
        return Finding::judge(ID, evidence);
    }
    let slow = Spared::under(lab, watched, Behaviour::Late(late), every, late + lab.pace.of(SILENT_WARM_UP)).await;
    evidence.push(opened_on_slow_calls(&slow, name, late));
    closes(lab, watched, &slow, &peace, &mut evidence).await;
    Finding::judge(ID, evidence)
}

/// Judges that a breaker opened; it counts when the control shows that nothing else spared calls.
fn opened(clause: Clause, seen: &Spared, when: &str, control: &Result<Control, Uncontrolled>) -> Evidence {
    let told = format!("while {when}, {COUNTED} requests caused {} calls", seen.calls);
    match (seen.is_open(), control) {
        (Some(false), _) => {
            clause.contradicts(format!("{told}: fewer than {} were spared", COUNTED as usize - UNBROKEN))
        }
        (Some(true), Ok(control)) => clause.holds(told).by(control),
        (Some(true), Err(failed)) => clause.gap(format!("{told}, but {}", failed.what)),
        (None, _) => clause.gap(format!("{told}: neither few nor nearly all")),
    }
}

fn opened_on_slow_calls(slow: &Spared, name: &str, late: Duration) -> Evidence {
    let when = format!("{name} was {late:.0?} late, four fifths of what it waits");
    let control = slow.by_no_bound(name).and_then(|_| slow.at_first_served(name, late));
    match slow.is_open() {
        Some(false) => clause::SLOW_CALLS.gap(format!(
            "while {when}, {COUNTED} requests caused {} calls: none counts as slow, or only later ones do",
            slow.calls
        )),
        _ => opened(clause::SLOW_CALLS, slow, &when, &control),
    }
}

/// Judges an open breaker: it refuses fast, probes now and then, and closes. Returns false if it did not close.
async fn closes(lab: &Lab, watched: &Watched, seen: &Spared, peace: &Control, evidence: &mut Vec<Evidence>) -> bool {
    let (calls, within) = (seen.calls, seen.refused_within);
    if seen.is_open() == Some(true) {
        evidence.push(match calls {
            0 => clause::HALF_OPEN.gap(format!("no call in {COUNTED} requests looked whether it is well again")),
            _ => clause::HALF_OPEN
                .holds(format!("{calls} calls in {COUNTED} requests looked whether it is well again"))
                .by(peace),
        });
        let what = format!("{} of {COUNTED} requests were then answered within {within:.0?}", 100 - PROBES);
        let fast = if within <= FAST { Some(true) } else { (within > NOT_FAST).then_some(false) };
        let piece = clause::FAILS_FAST.maybe(fast, what).by(peace);
        evidence.push(seen.contention.excuse(piece, within, NOT_FAST));
    }
    let name = &watched.name;
    let Some(took) = watched.well_again(lab, RECOVERY).await else {
        evidence.push(clause::CLOSES.gap(format!("{name} was not called again {RECOVERY:?} after it was mended")));
        return false;
    };
    if seen.is_open() == Some(true) {
        let what = format!("{name} was called again {took:.1?} after it was mended");
        evidence.push(clause::CLOSES.holds(what).by(peace));
    }
    true
}
