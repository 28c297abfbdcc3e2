//! `ratchet.jobs`: work that a request asks for is done after its answer, once it was acknowledged, in spite of failures and kills.
//!
//! - **Hypothesis**: each acknowledged job is done, also when the dependency fails and when the service is killed; a failing job is repeated
//!   more and more rarely; repeats of one request make one job; a bounded number runs at once.
//! - **Sent**: the first request of the mix with `later`, `read` and `done`, with a double in the place of its dependency: `PEACE` of them
//!   whose calls take a moment; `FAILING` while every call fails; `MANY` while calls take long and those that failed are done; `MANY` more until a SIGKILL in the middle, and
//!   again under their keys what it cut off; `TWINS` at once under one key.
//! - **Decides**: an acknowledged job that is not done `WITHIN` after the last fault; one that is done although none of its calls was answered;
//!   calls that stay as frequent as at first, at more than `OFTEN` a job and second; as many calls at once as jobs wait; calls under more keys
//!   than there are jobs; jobs that were under way at the kill and are not done although others are. Priorities, schedules, an order per key
//!   and rate limits are not examined: `jobs = "plain"` declares that there are none.
//! - **Blast radius**: the jobs are done; the service is started again with the double in the dependency's place, killed once, and stopped
//!   at the end.
//! - **Bound in time**: 12 s of failing calls, 6 s where their repeats are clearly rarer by then; 4 s of slow ones, and four times
//!   `WITHIN` at most.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_drill::double::{Behaviour, Call};

use self::judge::{Attempts, backoff, calls_of_jobs, concurrency, transaction};
use self::work::{Asked, Work};
use crate::clause::ratchet::jobs as clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::border::support::writes::{Writes, writes};

mod judge;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;
mod work;

const ID: &str = "ratchet.jobs";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Jobs in peace.
const PEACE: usize = 3;
/// Jobs while every call fails.
const FAILING: usize = 5;
/// The longest that every call fails, and the least where it is clear before that repeats become rare.
const FAIL_FOR: Duration = Duration::from_secs(12);
const FAIL_AT_LEAST: Duration = Duration::from_secs(6);
/// Jobs at once.
const MANY: usize = 40;
/// Time that a call takes, so that a job is seen before its end.
const MOMENT: Duration = Duration::from_millis(800);
/// The same while it is counted how many run at once.
const LONG: Duration = Duration::from_millis(1500);
/// Time for which they are counted.
const COUNT_FOR: Duration = Duration::from_secs(4);
/// The same request at once.
const TWINS: usize = 10;
/// Time within which jobs must be done once nothing is wrong any more.
const WITHIN: Duration = Duration::from_secs(25);
/// The same at any pace.
const LEAST_WITHIN: Duration = Duration::from_secs(8);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// Longest wait for a call before the kill.
const KILL_AT_LATEST: Duration = Duration::from_secs(3);

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    let Some(spec) =
        lab.mix().into_iter().find(|spec| !spec.later.is_empty() && spec.read.is_some() && !spec.done.is_empty())
    else {
        return match writes(lab).await {
            Writes::None(reason, evidence) => Finding::not_applicable(ID, reason, evidence),
            Writes::Possible => {
                let reason = "no request is known to ask for work after its answer: declare on one in [[requests]] the dependency that the \
                              work calls (`uses` and `later`), where its effect is read (`read`), and the value that shows it (`done`)";
                Finding::unknown(ID, reason, Vec::new())
            }
        };
    };
    let work = match Work::begin(ID, lab, spec).await {
        Ok(work) => work,
        Err(finding) => return finding,
    };
    let finding = judged(lab, &work).await;
    lab.stop().await;
    finding
}

async fn judged(lab: &mut Lab, work: &Work) -> Finding {
    let mut evidence = others(lab, work);
    let control = match peace(lab, work).await {
        Ok(control) => control,
        Err(failed) => {
            let exchange = failed.exchange.clone();
            let gap = exchange.iter().fold(Evidence::gap(&failed.what), |gap, exchange| gap.with(exchange));
            return Finding::unknown(ID, failed.what, vec![gap]);
        }
    };
    let (pieces, failed) = failing(lab, work, &control).await;
    evidence.extend(pieces);
    let back = async {
        match &failed {
            Some(failed) => Some(recovered(lab, work, failed, &control).await),
            None => None,
        }
    };
    let number = failed.as_ref().map_or(0, |failed| failed.asked.len());
    let (back, bound) = tokio::join!(back, many(lab, work, number, &control));
    evidence.extend(back);
    evidence.push(bound);
    match killed(lab, work, &control).await {
        Ok(pieces) => evidence.extend(pieces),
        Err(reason) => evidence.push(Evidence::gap(reason)),
    }
    evidence.push(twins(lab, work, &control).await);
    for clause in [clause::PRIORITY, clause::SCHEDULE, clause::ORDER, clause::RATE] {
        evidence.push(match work.spec.plain_jobs {
            true => clause.is_void("jobs = \"plain\""),
            false => {
                clause.gap("it was not examined; declare `jobs = \"plain\"` on the request if its jobs have none of it")
            }
        });
    }
    Finding::judge(ID, evidence)
}

/// The gap for further requests that ask for work.
fn others(lab: &Lab, work: &Work) -> Vec<Evidence> {
    let other = |name: &String| *name != work.spec.name;
    let names = lab.mix().into_iter().filter(|spec| !spec.later.is_empty()).map(|spec| spec.name);
    let names: Vec<String> = names.filter(|name| other(name)).collect();
    match names.is_empty() {
        true => Vec::new(),
        false => vec![
            clause::AT_LEAST_ONCE.gap(format!("the work of these requests was not examined: {}", names.join(", "))),
        ],
    }
}

/// Shows that a job is done, calls the dependency, and is not done before its call is answered.
async fn peace(lab: &Lab, work: &Work) -> Result<Control, crate::control::Uncontrolled> {
    let (name, dependency) = (&work.spec.name, &work.watched.dependency);
    work.watched.double.set(Behaviour::Late(lab.pace.of(MOMENT)));
    work.watched.double.take_calls();
    let asked = work.ask(lab, PEACE).await;
    if asked.done.len() < PEACE {
        let otherwise =
            format!("{name} is not answered as declared with the double in the place of {dependency}: mend the mix");
        let failed = Control::seen(false, "", otherwise).err();
        let failed =
            failed.into_iter().zip(asked.refused.first()).map(|(failed, exchange)| failed.shown_by(exchange)).next();
        return failed.map_or_else(|| Control::seen(false, "", format!("{name} was not answered")), Err);
    }
    let mut early = false;
    let since = Instant::now();
    while work.watched.double.calls().iter().all(|call| call.ended.is_none()) && since.elapsed() < lab.pace.of(MOMENT) {
        let done = work.done(lab, &asked.done).await;
        // A look that ended after the call shows nothing.
        early |= done > 0 && work.watched.double.calls().iter().all(|call| call.ended.is_none());
        tokio::time::sleep(LOOK).await;
    }
    let within = within(lab);
    let left = if early { PEACE } else { work.wait(lab, &asked.done, within).await };
    work.watched.double.set(Behaviour::Pass);
    let calls = calls_of_jobs(work.watched.double.take_calls(), PEACE);
    // What else the service calls by itself, such as a health check, is no call of a job.
    if !calls.is_empty() {
        work.watched.double.only(calls.clone());
    }
    let otherwise = if early {
        format!(
            "{name} is done, by `done`, before its call to {dependency} is answered: name a value that shows the effect"
        )
    } else if calls.len() < PEACE {
        format!(
            "{PEACE} jobs of {name} caused {} calls to {dependency}: say in `later` which dependency they call",
            calls.len()
        )
    } else {
        format!(
            "{left} of {PEACE} jobs of {name} are not done {within:.0?} after they were asked for: check `read` and `done`"
        )
    };
    let what = format!(
        "in peace {PEACE} jobs of {name} are done once their calls to {dependency} are answered, and not before"
    );
    Control::seen(!early && calls.len() >= PEACE && left == 0, what, otherwise)
}

/// Jobs whose every call failed, and that must be done once the dependency works again.
struct Failed {
    asked: Vec<Asked>,
    /// The time for which their calls failed.
    time: Duration,
    since: Instant,
}

/// Asks for jobs whose every call fails, until it is clear that they are repeated more and more rarely; at most for [`FAIL_FOR`].
async fn failing(lab: &Lab, work: &Work, control: &Control) -> (Vec<Evidence>, Option<Failed>) {
    let (name, dependency) = (&work.spec.name, &work.watched.dependency);
    work.watched.double.take_calls();
    work.watched.double.set(Behaviour::Unavailable(None));
    let begun = Instant::now();
    let asked = work.ask(lab, FAILING).await;
    let jobs = asked.done.len();
    if jobs == 0 {
        let what = format!("{name} is not acknowledged while {dependency} fails: its jobs were not seen to fail");
        return (vec![Evidence::gap(what)], None);
    }
    let attempts = loop {
        let time = begun.elapsed();
        let attempts = Attempts::of(&work.watched.double.calls(), begun, time, jobs);
        let is_clear = time >= lab.pace.of(FAIL_AT_LEAST) && attempts.clearly_back_off();
        if is_clear || time >= lab.pace.of(FAIL_FOR) {
            break attempts;
        }
        tokio::time::sleep(LOOK).await;
    };
    let done = work.done(lab, &asked.done).await;
    let mut evidence = vec![clause::BACKOFF.maybe(backoff(&attempts), attempts.told(dependency)).by(control)];
    if done > 0 {
        let what = format!(
            "{done} of {jobs} jobs of {name} are done, by `done`, although no call to {dependency} was answered: they are lost"
        );
        evidence.push(clause::AT_LEAST_ONCE.contradicts(what).by(control));
        return (evidence, None);
    }
    (evidence, Some(Failed { asked: asked.done, time: attempts.time, since: Instant::now() }))
}

/// Judges that jobs that failed are done once the dependency works again.
async fn recovered(lab: &Lab, work: &Work, failed: &Failed, control: &Control) -> Evidence {
    let (name, dependency) = (&work.spec.name, &work.watched.dependency);
    let (jobs, time, within) = (failed.asked.len(), failed.time, within(lab));
    let left = work.wait(lab, &failed.asked, within).await;
    let what = match left {
        0 => format!(
            "{jobs} jobs of {name} that failed for {time:.0?} are done {:.1?} after {dependency} works again",
            failed.since.elapsed()
        ),
        left => format!(
            "{left} of {jobs} jobs of {name} that failed for {time:.0?} are not done {within:.0?} after {dependency} works again"
        ),
    };
    clause::AT_LEAST_ONCE.saw(left == 0, what).by(control)
}

/// Jobs at once whose calls take long: how many run at a time, beside those that failed before.
async fn many(lab: &Lab, work: &Work, failed: usize, control: &Control) -> Evidence {
    let dependency = &work.watched.dependency;
    work.watched.double.set(Behaviour::Late(lab.pace.of(LONG)));
    let counting = async {
        let (since, mut most) = (Instant::now(), 0);
        while since.elapsed() < lab.pace.of(COUNT_FOR) {
            most = most.max(work.watched.double.open());
            tokio::time::sleep(LOOK).await;
        }
        most
    };
    let (asked, most) = tokio::join!(work.ask(lab, MANY), counting);
    work.watched.double.set(Behaviour::Pass);
    work.wait(lab, &asked.done, within(lab)).await;
    let jobs = asked.done.len();
    let what =
        format!("of {} jobs that waited at once at most {most} called {dependency} at the same time", jobs + failed);
    clause::CONCURRENCY.maybe(concurrency(jobs, most, MANY), what).by(control)
}

/// Jobs that are asked for until the service is killed.
///
/// # Errors
/// When it could not be killed or started again.
async fn killed(lab: &mut Lab, work: &Work, control: &Control) -> Result<Vec<Evidence>, String> {
    let (name, dependency) = (&work.spec.name, &work.watched.dependency);
    work.watched.double.take_calls();
    work.watched.double.set(Behaviour::Late(lab.pace.of(MOMENT)));
    let (asked, under_way) = {
        let lab: &Lab = lab;
        let killing = async {
            let since = Instant::now();
            // In the middle: some are done or under way, and some wait.
            while work.watched.double.open() == 0 && since.elapsed() < KILL_AT_LATEST {
                tokio::time::sleep(LOOK).await;
            }
            tokio::time::sleep(lab.pace.of(MOMENT) / 4).await;
            let calls = work.watched.double.calls();
            let open: Vec<Call> = calls.into_iter().filter(|call| call.ended.is_none()).collect();
            (lab.kill().await, open)
        };
        let (asked, (killed, open)) = tokio::join!(work.ask_slowly(lab, MANY), killing);
        killed.map_err(|failure| format!("it was not killed: {failure}"))?;
        (asked, open)
    };
    lab.process().wait(Duration::from_secs(5)).await;
    work.watched.double.set(Behaviour::Pass);
    work.watched
        .start(ID, lab)
        .await
        .map_err(|failure| format!("after a SIGKILL it did not start again: {}", failure.summary()))?;
    let begun = Instant::now();
    let again = work.repeat(lab, &asked.cut).await;
    let acknowledged = asked.done.len();
    let all: Vec<Asked> = asked.done.into_iter().chain(again.done).collect();
    let within = within(lab);
    let left = work.wait(lab, &all, within).await;
    let calls = work.watched.double.take_calls();
    let mut evidence = Vec::new();
    let took = begun.elapsed();
    let told = format!(
        "{acknowledged} jobs of {name} were acknowledged before a SIGKILL, {} calls to {dependency} were open at it",
        under_way.len()
    );
    evidence.push(match (acknowledged, left) {
        (0, _) => clause::AT_LEAST_ONCE.gap(format!("{told}: none could be lost")),
        (_, 0) => {
            clause::AT_LEAST_ONCE.holds(format!("{told}; all are done {took:.1?} after the new start")).by(control)
        }
        (_, left) => clause::AT_LEAST_ONCE
            .contradicts(format!("{told}; {left} are not done {within:.0?} after the new start"))
            .by(control),
    });
    evidence.push(match (under_way.is_empty(), left) {
        (true, _) => clause::LEASE.gap(format!("{told}: none was under way, so none was to be taken up again")),
        (_, 0) => clause::LEASE
            .holds(format!("{told}; those that were under way are done after the new start, without a hand"))
            .by(control),
        (_, left) => clause::LEASE
            .contradicts(format!(
                "{told}; {left} are left after the new start, as what was under way is not taken up again"
            ))
            .by(control),
    });
    let jobs = all.len() + asked.cut.len().saturating_sub(again.tried);
    let keys: Option<BTreeSet<String>> = calls.iter().map(|call| call.key.clone()).collect();
    let (good, what) = transaction(jobs, left, keys.as_ref().map(BTreeSet::len), name, dependency);
    evidence.push(clause::TRANSACTION.maybe(good, what).by(control));
    Ok(evidence)
}

/// The same request at once under one key: one job.
async fn twins(lab: &Lab, work: &Work, control: &Control) -> Evidence {
    let (name, dependency) = (&work.spec.name, &work.watched.dependency);
    if work.spec.idempotent.is_none() {
        return clause::UNIQUE.gap(format!(
            "{name} was not repeated: declare `idempotent = \"HEADER\"` on it, if it makes one job for a key"
        ));
    }
    quiet(lab, work).await;
    let request = lab.fill(&work.spec);
    let client = lab.http();
    let exchanges = join_all((0..TWINS).map(|_| client.send(request.clone()))).await;
    let asked: Vec<Asked> = exchanges.iter().filter_map(|exchange| work.acknowledged(lab, exchange)).collect();
    let left = work.wait(lab, &asked, within(lab)).await;
    tokio::time::sleep(lab.pace.of(MOMENT)).await;
    let calls = work.watched.double.take_calls();
    let keys: Option<BTreeSet<String>> = calls.iter().map(|call| call.key.clone()).collect();
    let told = format!(
        "{name}, {TWINS} times at once under one key, was acknowledged {} times and caused {} calls to {dependency}",
        asked.len(),
        calls.len()
    );
    match (keys.map(|keys| keys.len()), calls.len()) {
        (_, 0) => clause::UNIQUE.gap(format!("{told}: nothing was seen of its job")),
        (Some(1), _) | (None, 1) if left == 0 => clause::UNIQUE.holds(format!("{told}: one job")).by(control),
        (Some(keys), _) if keys > 1 => {
            clause::UNIQUE.contradicts(format!("{told} under {keys} keys: it made {keys} jobs")).by(control)
        }
        _ => clause::UNIQUE
            .gap(format!("{told} without an `Idempotency-Key`: one job that is repeated and several jobs look alike")),
    }
}

/// The bound of a wait for jobs.
fn within(lab: &Lab) -> Duration {
    lab.pace.of(WITHIN).max(LEAST_WITHIN)
}

/// Waits until no call has come for a moment; calls of earlier jobs are then not taken for those of the next.
async fn quiet(lab: &Lab, work: &Work) {
    let since = Instant::now();
    while since.elapsed() < within(lab) {
        work.watched.double.take_calls();
        tokio::time::sleep(lab.pace.of(MOMENT)).await;
        if work.watched.double.take_calls().is_empty() {
            return;
        }
    }
}
