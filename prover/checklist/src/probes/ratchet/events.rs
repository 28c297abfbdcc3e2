//! `ratchet.events`: a log of events that is only appended to, read in one order without gaps, folded into projections, and readable in old forms.
//!
//! - **Hypothesis**: readers that follow while others append see each acknowledged event once and in one order; what was read stays as it is,
//!   also after a kill; the projection is the fold of the log, also after a kill and a rebuild; an event in an old form holds nothing up.
//! - **Sent**: the request `append` of `[events]`, `PEACE` times one after the other; then by `WRITERS` at once, `EACH` times each, while
//!   `READERS` follow; by as many until a SIGKILL. After a new start the request `rebuild`, and the command `old`.
//! - **Decides**: an event that a reader has left out, has twice or has in another order than a later read; events of one writer in another
//!   order than they were sent; an event that is gone, has changed or has come before one that was read; an acknowledged event that is not in
//!   the log; a number of the projection that has not moved as often as there are events `WITHIN` them; a rebuild that ends elsewhere; an event in an
//!   old form that stops the readers or the fold. Events of others in the meantime make the projection unknown where it does not fit.
//! - **Blast radius**: some hundred events, one of them in an old form; the service is killed once and started again; the projection is
//!   rebuilt.
//! - **Bound in time**: some seconds; four times `WITHIN` where the projection does not come to what it should be.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_drill::process::{Launch, run_to_end};
use keel_wire::http::{Exchange, Request};
use serde_json::json;

use self::judge::{Folded, Followed, Writer, folded, gap_free, kept, of_append, old_form, ordered, rebuilt};
use self::log::{Log, Row};
use super::support::{names_of, number_at, still};
use crate::clause::ratchet::events as clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::border::support::writes::{Writes, writes};
use crate::subject::{Events, Figure, Old, RequestSpec};

mod judge;
#[cfg(test)]
mod judge_tests;
mod log;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "ratchet.events";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Events in peace.
const PEACE: usize = 3;
/// Writers at once, and the events of each.
const WRITERS: usize = 8;
const EACH: usize = 15;
/// Readers that follow meanwhile.
const READERS: usize = 2;
/// Answers after which it is killed.
const KILL_AFTER: usize = 30;
/// Time within which events are read and folded.
const WITHIN: Duration = Duration::from_secs(25);
/// The same at any pace.
const LEAST_WITHIN: Duration = Duration::from_secs(3);
/// The time for which a projection must stay as it is, to be taken for what has become of it.
const STILL: Duration = Duration::from_millis(100);
/// Bound of the command `old`.
const COMMAND: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// Examines the running subject; kills it once and starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    let declared = lab.subject.events.clone();
    let named = |name: &str| lab.subject.requests.iter().chain(&lab.subject.work).find(|spec| spec.name == name);
    let spec = declared.as_ref().and_then(|declared| named(&declared.append)).cloned();
    let (Some(declared), Some(spec)) = (declared, spec) else {
        return match writes(lab).await {
            Writes::None(reason, evidence) => Finding::not_applicable(ID, reason, evidence),
            Writes::Possible => {
                let reason =
                    "no event log is known: declare in [events] where it is read and the request that appends to it";
                Finding::unknown(ID, reason, Vec::new())
            }
        };
    };
    match judged(lab, &spec, &declared).await {
        Ok(evidence) => Finding::judge(ID, evidence),
        Err(reason) => Finding::unknown(ID, reason.clone(), vec![Evidence::gap(reason)]),
    }
}

/// Observations in peace.
struct Peace {
    /// The position before the first event.
    start: String,
    /// The names of the events since then.
    appends: Writer,
    /// The events of one append.
    each: usize,
    /// The number of the projection before, and by how much each event has moved it; else why that is not known.
    moves: Result<(f64, f64), String>,
    control: Control,
}

/// # Errors
/// When nothing can be seen: why.
async fn judged(lab: &mut Lab, spec: &RequestSpec, declared: &Events) -> Result<Vec<Evidence>, String> {
    let mut peace = peace(lab, spec, declared).await?;
    let (mut evidence, before) = followed(lab, spec, declared, &mut peace).await?;
    evidence.extend(killed(lab, spec, declared, &mut peace, &before).await?);
    evidence.push(match rebuild(lab, declared, &peace).await {
        Ok(piece) => piece.by(&peace.control),
        Err(reason) => clause::REBUILD.gap(reason),
    });
    evidence.push(match old(lab, spec, declared, &peace).await {
        Ok(piece) => piece,
        Err(reason) => clause::UPCASTING.gap(reason),
    });
    Ok(evidence)
}

/// Appends one event after the other.
async fn peace(lab: &Lab, spec: &RequestSpec, declared: &Events) -> Result<Peace, String> {
    let log = Log { lab, declared };
    // What was asked for before has come to its end.
    let before = still(within(lab), || number(lab, declared)).await;
    let start = log.end().await?;
    let mut appends = Writer::new();
    let mut by = None;
    for nth in 1..=PEACE {
        appends.push(append(lab, spec).await.map_err(|exchange| {
            format!("{} is not answered as declared ({}): mend it", spec.name, exchange.came_back())
        })?);
        let rows = settled(&log, &start, &appends, within(lab)).await?;
        if of_append(&rows, &appends[nth - 1]) == 0 {
            let what = "no event of it came: check `append` and `id` of [events], and `save` of the request";
            return Err(format!("{} was acknowledged, and {what}", spec.name));
        }
        // The amount by which the first one has moved it; the others must do the same.
        if let (1, Some(before)) = (nth, before) {
            by = moved(lab, declared, before).await.map(|now| now - before);
        }
    }
    let rows = settled(&log, &start, &appends, within(lab)).await?;
    let each = appends.iter().map(|names| of_append(&rows, names)).max().unwrap_or_default();
    let moves = match (&declared.projection, before, by) {
        (None, ..) => Err("no projection was examined: declare `projection` in [events]".to_owned()),
        (Some(figure), None, _) => Err(format!("{} shows no number: check `projection`", figure.read)),
        (Some(figure), _, None) => Err(format!("an event does not move {}: check `projection`", figure.read)),
        (_, Some(before), Some(by)) => {
            let seen = Folded { before, by, now: 0.0, events: PEACE, strangers: 0 };
            match awaited(lab, declared, seen).await {
                Folded { now, .. } if (now - before - by * PEACE as f64).abs() < 1e-6 => Ok((before, by)),
                Folded { now, .. } => Err(format!(
                    "{PEACE} events one after the other moved the projection from {before} to {now}, the first one by {by}: others do so too, or \
                     not each of them by the same"
                )),
            }
        }
    };
    let what = format!("in peace {PEACE} events came, each after its request");
    let control = Control::seen(true, what, "").map_err(|failed| failed.what)?;
    Ok(Peace { start, appends, each, moves, control })
}

/// Appends from many writers while readers follow; the evidence, and the events since the beginning.
async fn followed(
    lab: &Lab,
    spec: &RequestSpec,
    declared: &Events,
    peace: &mut Peace,
) -> Result<(Vec<Evidence>, Vec<Row>), String> {
    let log = Log { lab, declared };
    let from = log.end().await?;
    let stop = AtomicBool::new(false);
    let work = async {
        let writers = join_all((0..WRITERS).map(|_| writer(lab, spec, &|| false))).await;
        let writers: Vec<Writer> = writers.into_iter().map(|(writer, _)| writer).collect();
        let all: Writer = writers.iter().flatten().cloned().collect();
        let again = settled(&log, &from, &all, within(lab)).await;
        stop.store(true, Ordering::Release);
        again.map(|again| (writers, again))
    };
    let (work, live) = tokio::join!(work, join_all((0..READERS).map(|_| log.follow(&from, &stop))));
    let (writers, again) = work?;
    let live = live.into_iter().collect::<Result<Vec<_>, _>>()?;
    if writers.iter().all(Vec::is_empty) {
        return Err(format!("{} is not acknowledged where several ask for it at once: nothing was seen", spec.name));
    }
    let seen = Followed { writers: &writers, live: &live, again: &again, each: peace.each };
    let mut evidence = Vec::new();
    for (clause, (is_good, what)) in [(clause::ORDER, ordered(&seen)), (clause::GAP_FREE, gap_free(&seen))] {
        evidence.push(clause.saw(is_good, what).by(&peace.control));
    }
    peace.appends.extend(writers.into_iter().flatten());
    let rows = log.behind(&peace.start).await?;
    let (is_good, what) = kept(&again, &log.behind(&from).await?, &[], "in a second read");
    evidence.push(clause::LOG.saw(is_good, what).by(&peace.control));
    evidence.extend(fold(lab, declared, peace, &rows, "after many writers").await);
    Ok((evidence, rows))
}

/// Kills the service while writers are at work, and starts it again.
async fn killed(
    lab: &mut Lab,
    spec: &RequestSpec,
    declared: &Events,
    peace: &mut Peace,
    before: &[Row],
) -> Result<Vec<Evidence>, String> {
    let (answered, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (done, kill) = {
        let lab = &*lab;
        let count = || {
            answered.fetch_add(1, Ordering::Relaxed);
            is_over.load(Ordering::Relaxed)
        };
        let kill = async {
            let begun = Instant::now();
            while answered.load(Ordering::Relaxed) < KILL_AFTER && begun.elapsed() < within(lab) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            is_over.store(true, Ordering::Relaxed);
            lab.kill().await.map_err(|failure| format!("it was not killed: {failure}"))
        };
        tokio::join!(join_all((0..WRITERS).map(|_| writer(lab, spec, &count))), kill)
    };
    kill?;
    lab.process().wait(Duration::from_secs(5)).await;
    lab.start_with(|_| {}).await.map_err(|failure| format!("after a SIGKILL it did not start again: {failure}"))?;
    let cut: usize = done.iter().map(|(_, cut)| cut).sum();
    let acknowledged: Writer = done.into_iter().flat_map(|(writer, _)| writer).collect();
    peace.appends.extend(acknowledged);
    let log = Log { lab, declared };
    let rows = settled(&log, &peace.start, &peace.appends, within(lab)).await?;
    let since = format!("after a SIGKILL that cut {cut} requests off");
    let (is_good, what) = kept(before, &rows, &peace.appends, &since);
    let mut evidence = vec![clause::LOG.saw(is_good, what).by(&peace.control)];
    evidence.extend(fold(lab, declared, peace, &rows, &since).await);
    Ok(evidence)
}

/// Judges the projection against the events since the beginning.
async fn fold(lab: &Lab, declared: &Events, peace: &Peace, rows: &[Row], since: &str) -> Option<Evidence> {
    let (before, by) = match &peace.moves {
        Ok(moves) => *moves,
        Err(reason) => return Some(clause::REBUILD.gap(reason)),
    };
    let strangers = rows.iter().filter(|row| !peace.appends.iter().any(|names| names.contains(&row.id))).count();
    let seen = Folded { before, by, now: 0.0, events: rows.len() / peace.each.max(1), strangers };
    let seen = awaited(lab, declared, seen).await;
    let (is_good, what) = folded(&seen, since);
    Some(clause::REBUILD.maybe(is_good, what).by(&peace.control))
}

/// Rebuilds the projection.
async fn rebuild(lab: &Lab, declared: &Events, peace: &Peace) -> Result<Evidence, String> {
    peace.moves.clone()?;
    let Some(lever) = &declared.rebuild else {
        return Err("the projection was not rebuilt: declare `rebuild` in [events]".to_owned());
    };
    let expected = number(lab, declared).await.ok_or("the projection shows no number")?;
    let (author, reason) = (json!("keel"), json!("an examination of the projection"));
    let (path, json) = lever.filled(&[("author", &author), ("reason", &reason)]);
    let method = lever.method.to_ascii_uppercase().parse().unwrap_or_default();
    let request = Request::new(method, path);
    let request = match &json {
        Some(json) => request.json(json),
        None => request,
    };
    let is_asked = AtomicBool::new(false);
    let client = lab.admin();
    let work = async {
        let exchange = client.send(request).await;
        is_asked.store(true, Ordering::Release);
        exchange
    };
    // From before the request: some have rebuilt it when they answer.
    let (exchange, seen) = tokio::join!(work, way(lab, declared, expected, &is_asked));
    if !exchange.status().is_some_and(|status| status.is_success()) {
        return Ok(clause::REBUILD.gap("the request `rebuild` is refused: check it").with(&exchange));
    }
    let (is_good, what) = rebuilt(expected, &seen);
    Ok(clause::REBUILD.maybe(is_good, what).with(&exchange))
}

/// The numbers of the projection, each once, from now until it is as it was after its rebuild; or until the bound.
async fn way(lab: &Lab, declared: &Events, expected: f64, is_asked: &AtomicBool) -> Vec<f64> {
    let begun = Instant::now();
    let (mut seen, mut since) = (Vec::new(), Instant::now());
    loop {
        let is_asked = is_asked.load(Ordering::Acquire);
        let now = number(lab, declared).await.unwrap_or(f64::NAN);
        if seen.last() != Some(&now) {
            seen.push(now);
            since = Instant::now();
        }
        // Where it was never another one, the rebuild may not have begun yet.
        let still = if seen.len() > 1 { STILL } else { STILL * 5 };
        let is_over = is_asked && now == expected && since.elapsed() >= still;
        if is_over || begun.elapsed() >= within(lab) {
            return seen;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Appends an event in an old form, and one behind it.
async fn old(lab: &Lab, spec: &RequestSpec, declared: &Events, peace: &Peace) -> Result<Evidence, String> {
    let command = match &declared.old {
        Old::Unsaid => {
            return Err(
                "no event in an old form was read: declare in `old` of [events] a command that appends one".to_owned()
            );
        }
        Old::None => return Ok(clause::UPCASTING.is_void("old = \"none\"")),
        Old::Command(command) => command,
    };
    let log = Log { lab, declared };
    let from = log.end().await?;
    let before = number(lab, declared).await;
    let launch = Launch { command: command.clone(), ..lab.launch() };
    let ended = run_to_end(&launch, COMMAND).await;
    if !ended.is_ok_and(|ended| ended.is_success()) {
        return Err(format!("the command in `old` failed: {command}"));
    }
    let behind = append(lab, spec).await.map_err(|_| format!("{} is not answered as declared", spec.name))?;
    let appends = vec![behind];
    let rows = settled(&log, &from, &appends, within(lab)).await;
    let of_old = |rows: &Vec<Row>| rows.iter().filter(|row| !appends[0].contains(&row.id)).count();
    let (number_of, is_behind) = match &rows {
        Ok(rows) => (of_old(rows), of_append(rows, &appends[0]) > 0),
        // A reader that is refused behind it was stopped by it.
        Err(_) => (1, false),
    };
    let moved = match (&peace.moves, before) {
        (Ok((_, by)), Some(before)) => {
            let seen = Folded { before, by: *by, now: 0.0, events: number_of + 1, strangers: 0 };
            Some((awaited(lab, declared, seen).await.now - before) / by)
        }
        _ => None,
    };
    let (is_good, what) = old_form(number_of, is_behind, moved);
    Ok(clause::UPCASTING.maybe(is_good, what).by(&peace.control))
}

/// One writer: the names of its acknowledged appends, and the number of requests without an answer. It ends at the first of these, or when it is told to.
async fn writer(lab: &Lab, spec: &RequestSpec, is_over: &(dyn Fn() -> bool + Sync)) -> (Writer, usize) {
    let mut appends = Writer::new();
    for _ in 0..EACH {
        match append(lab, spec).await {
            Ok(names) => appends.push(names),
            Err(exchange) => return (appends, usize::from(exchange.answer().is_none())),
        }
        if is_over() {
            break;
        }
    }
    (appends, 0)
}

/// Appends one event; its names.
async fn append(lab: &Lab, spec: &RequestSpec) -> Result<Vec<String>, Box<Exchange>> {
    let exchange = lab.http().send(lab.fill(spec)).await;
    match exchange.status().is_some_and(|status| spec.expects(status.as_u16())) {
        true => Ok(names_of(spec, &exchange)),
        false => Err(Box::new(exchange)),
    }
}

/// The events behind a position once all of these are among them, or after the bound.
async fn settled(log: &Log<'_>, from: &str, appends: &[Vec<String>], within: Duration) -> Result<Vec<Row>, String> {
    let begun = Instant::now();
    loop {
        let rows = log.behind(from).await?;
        if appends.iter().all(|names| of_append(&rows, names) > 0) || begun.elapsed() >= within {
            return Ok(rows);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The number of the projection once it is the fold of the log, and stays so; or after the bound.
async fn awaited(lab: &Lab, declared: &Events, mut seen: Folded) -> Folded {
    let begun = Instant::now();
    let mut since = Instant::now();
    loop {
        seen.now = number(lab, declared).await.unwrap_or(f64::NAN);
        if !seen.is_equal() {
            since = Instant::now();
        }
        if since.elapsed() >= STILL || begun.elapsed() >= within(lab) {
            return seen;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The number of the projection once it is another one than before.
async fn moved(lab: &Lab, declared: &Events, before: f64) -> Option<f64> {
    let begun = Instant::now();
    while begun.elapsed() < within(lab) {
        match number(lab, declared).await {
            Some(now) if now != before => return Some(now),
            _ => tokio::time::sleep(LOOK).await,
        }
    }
    None
}

/// The number of the projection now; none where none is declared.
async fn number(lab: &Lab, declared: &Events) -> Option<f64> {
    let figure: &Figure = declared.projection.as_ref()?;
    number_at(lab, figure).await
}

/// The bound of a wait.
fn within(lab: &Lab) -> Duration {
    lab.pace.of(WITHIN).max(LEAST_WITHIN)
}
