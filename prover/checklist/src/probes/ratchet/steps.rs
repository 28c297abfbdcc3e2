//! `ratchet.steps`: work of several steps goes on after a crash from its last committed step, and a step that fails for good undoes the others.
//!
//! - **Hypothesis**: a work calls its dependency in each of its steps once; killed in a later step, it does not make the call of an earlier
//!   one again; a work whose step fails for good ends undone, and leaves no effect.
//! - **Sent**: the first request with `steps`, with a double in the place of its dependency: `PEACE` of them one after the other, which show
//!   the calls of a work; `UNDONE` with the values that fail; `WORKS` at once, whose calls of the second kind get no answer until a
//!   SIGKILL. After a new start every call is passed on.
//! - **Decides**: more calls of the first kind after the kill than works that had not made one of the second kind; works that are not done
//!   `WITHIN` the new start; calls of a kind under more keys than there are works; a number at `effect` that does not move as often as works
//!   are done; a work that does not end undone, or leaves the number moved. A call is known by its `Idempotency-Key`, or by the path of an
//!   idempotent method. Where a work makes one kind of call only, it is not seen where it goes on.
//! - **Blast radius**: the works are done; the service is started again with the double in the dependency's place, killed once, and stopped
//!   at the end.
//! - **Bound in time**: 3 s until the kill, and four times `WITHIN` at most.

use std::time::{Duration, Instant};

use keel_drill::double::Behaviour;

use self::calls::{Kinds, known, of_kind};
use self::judge::{Crash, crash, moved, undone};
use super::support::{Asked, Watched, ask, number_at, wait};
use crate::clause::ratchet::steps as clause;
use crate::control::{Control, Uncontrolled};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::border::support::writes::{Writes, writes};
use crate::subject::{Figure, RequestSpec, Steps};

mod calls;
mod judge;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "ratchet.steps";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Works one after the other in peace.
const PEACE: usize = 3;
/// Works with a step that fails for good.
const UNDONE: usize = 2;
/// Works that are killed in a later step.
const WORKS: usize = 4;
/// Time within which works must be done.
const WITHIN: Duration = Duration::from_secs(25);
/// The same at any pace.
const LEAST_WITHIN: Duration = Duration::from_secs(8);
/// Longest wait for the calls of the later step before the kill.
const KILL_AT_LATEST: Duration = Duration::from_secs(3);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    let spec = lab.subject.work.iter().find(|spec| spec.steps.is_some()).cloned();
    let Some((spec, steps)) = spec.and_then(|spec| spec.steps.clone().map(|steps| (spec, steps))) else {
        return match writes(lab).await {
            Writes::None(reason, evidence) => Finding::not_applicable(ID, reason, evidence),
            Writes::Possible => {
                let reason = "no request is known to ask for work of several steps: declare one in [[requests]] with `steps`, `later`, `read` \
                              and `done`";
                Finding::unknown(ID, reason, Vec::new())
            }
        };
    };
    let watched = match Watched::begin(ID, lab, &spec).await {
        Ok(watched) => watched,
        Err(finding) => return finding,
    };
    let finding = judged(lab, &spec, &steps, &watched).await;
    lab.stop().await;
    finding
}

async fn judged(lab: &mut Lab, spec: &RequestSpec, steps: &Steps, watched: &Watched) -> Finding {
    let (kinds, by, control) = match peace(lab, spec, steps, watched).await {
        Ok(seen) => seen,
        Err(failed) => {
            let gap = failed.exchange.iter().fold(Evidence::gap(&failed.what), |gap, exchange| gap.with(exchange));
            return Finding::unknown(ID, failed.what, vec![gap]);
        }
    };
    let mut evidence = vec![aborted(lab, spec, steps, by).await.by(&control)];
    match killed(lab, spec, steps, watched, &kinds, by).await {
        Ok(pieces) => evidence.extend(pieces.into_iter().map(|piece| piece.by(&control))),
        Err(reason) => evidence.push(Evidence::gap(reason)),
    }
    Finding::judge(ID, evidence)
}

/// Does works one after the other: the kinds of calls that each makes, and by how much each moves the number at `effect`.
async fn peace(
    lab: &Lab,
    spec: &RequestSpec,
    steps: &Steps,
    watched: &Watched,
) -> Result<(Kinds, Option<f64>, Control), Uncontrolled> {
    let (name, dependency) = (&spec.name, &watched.dependency);
    let before = number(lab, steps).await;
    watched.double.take_calls();
    for _ in 0..PEACE {
        let (asked, refused) = ask(lab, &[spec]).await;
        let asked: Vec<Asked> = asked.into_iter().flatten().collect();
        if let Some(exchange) = refused {
            let otherwise = format!("{name} is not answered as declared with the double in the place of {dependency}");
            Control::seen(false, "", otherwise).map_err(|failed| failed.shown_by(&exchange))?;
        }
        let within = within(lab);
        let left = wait(lab, &asked, &spec.done, within).await;
        Control::seen(
            left == 0,
            "",
            format!("the work of {name} is not done {within:.0?} after it was asked for: check `read` and `done`"),
        )?;
    }
    // The last call may come after what `done` shows.
    let begun = Instant::now();
    let mut kinds = Kinds::of(&watched.double.calls(), PEACE);
    while !kinds.are_two() && begun.elapsed() < lab.pace.of(KILL_AT_LATEST) / 3 {
        tokio::time::sleep(LOOK).await;
        kinds = Kinds::of(&watched.double.calls(), PEACE);
    }
    let by = match (before, number(lab, steps).await) {
        (Some(before), Some(after)) => Some((after - before) / PEACE as f64),
        _ => None,
    };
    let otherwise = match by {
        Some(_) => format!("{PEACE} works of {name} do not move the number at `effect`: check `effect` and `value`"),
        None => format!("{PEACE} works of {name} made no calls to {dependency} of which each made one: check `later`"),
    };
    let what = format!("in peace {PEACE} works of {name} are done, each with the same calls to {dependency}");
    let control = Control::seen(kinds.are_some() && by != Some(0.0), what, otherwise)?;
    Ok((kinds, by, control))
}

/// Does works of which a step fails for good.
async fn aborted(lab: &Lab, spec: &RequestSpec, steps: &Steps, by: Option<f64>) -> Evidence {
    if steps.fails.is_empty() {
        return clause::ABORT.gap("no step was made to fail: declare `fails` and `undone` in `steps`");
    }
    let failing = spec.with_values(&steps.fails);
    let before = number(lab, steps).await;
    let (asked, refused) = ask(lab, &[&failing; UNDONE]).await;
    let asked: Vec<Asked> = asked.into_iter().flatten().collect();
    if let Some(exchange) = refused {
        return clause::ABORT
            .gap(format!("{} with the values of `fails` is not acknowledged: no step is seen to fail", spec.name))
            .with(&exchange);
    }
    let within = within(lab);
    let left = wait(lab, &asked, &steps.undone, within).await;
    let rest = match (before, number(lab, steps).await) {
        (Some(before), Some(after)) => Some(after - before),
        _ => None,
    };
    let (is_good, what) = undone(&spec.name, asked.len(), left, rest.filter(|_| by.is_some()), within);
    clause::ABORT.maybe(is_good, what)
}

/// Kills the service while works are in a later step, and starts it again.
///
/// # Errors
/// When it could not be killed or started again, or no work was under way.
async fn killed(
    lab: &mut Lab,
    spec: &RequestSpec,
    steps: &Steps,
    watched: &Watched,
    kinds: &Kinds,
    by: Option<f64>,
) -> Result<Vec<Evidence>, String> {
    let (double, dependency) = (&watched.double, &watched.dependency);
    let before = number(lab, steps).await;
    double.only(kinds.last());
    double.set(Behaviour::Hang);
    let specs = [spec; WORKS];
    let (asked, _) = ask(lab, &specs).await;
    let asked: Vec<Asked> = asked.into_iter().flatten().collect();
    let begun = Instant::now();
    while double.open() < asked.len() && begun.elapsed() < lab.pace.of(KILL_AT_LATEST) {
        tokio::time::sleep(LOOK).await;
    }
    let calls = double.calls();
    lab.kill().await.map_err(|failure| format!("it was not killed: {failure}"))?;
    lab.process().wait(Duration::from_secs(5)).await;
    if calls.is_empty() {
        return Err(format!("no work of {} was under way in a call to {dependency} when it was killed", spec.name));
    }
    double.hang_up();
    double.only(kinds.all());
    double.set(Behaviour::Pass);
    watched
        .start(ID, lab)
        .await
        .map_err(|failure| format!("after a SIGKILL it did not start again: {}", failure.summary()))?;
    let begun = Instant::now();
    let within = within(lab);
    let left = wait(lab, &asked, &spec.done, within).await;
    // A work may be done, by `done`, before its last call.
    let again = || of_kind(&double.calls(), kinds.last().first());
    while again().iter().filter(|call| call.ended.is_some()).count() < calls.len() && begun.elapsed() < within {
        tokio::time::sleep(LOOK).await;
    }
    let after = double.take_calls();
    let last: Vec<_> = calls.iter().chain(&after).cloned().collect();
    let seen = Crash {
        works: asked.len(),
        reached: known(&calls).unwrap_or(calls.len()).min(asked.len()),
        left,
        first_again: kinds.are_two().then(|| of_kind(&after, kinds.first()).len()),
        last_again: of_kind(&after, kinds.last().first()).len(),
        last_known: known(&of_kind(&last, kinds.last().first())),
        took: begun.elapsed(),
    };
    let mut evidence = Vec::new();
    let (is_good, what) = crash(&spec.name, dependency, &seen);
    evidence.push(clause::RESUME.maybe(is_good, what));
    let rest = match (before, number(lab, steps).await, by) {
        (Some(before), Some(after), Some(by)) => Some(((after - before) / by, asked.len())),
        _ => None,
    };
    let (is_good, what) = moved(&spec.name, dependency, &seen, rest);
    evidence.push(clause::NEXT.maybe(is_good, what));
    Ok(evidence)
}

/// The number at `effect` now.
async fn number(lab: &Lab, steps: &Steps) -> Option<f64> {
    let figure = Figure { read: steps.effect.clone()?, value: steps.value.clone(), admin: false };
    number_at(lab, &figure).await
}

/// The bound of a wait.
fn within(lab: &Lab) -> Duration {
    lab.pace.of(WITHIN).max(LEAST_WITHIN)
}
