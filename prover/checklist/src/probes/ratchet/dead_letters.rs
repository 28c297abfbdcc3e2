//! `ratchet.dead-letters`: work that cannot be processed is set aside with its reason, and operators decide what becomes of it.
//!
//! - **Hypothesis**: work that cannot be processed shows in the declared list with a reason and its payload, also after a kill, while work
//!   behind it is done as ever; edited and retried it is done, and dropped it is gone.
//! - **Sent**: the first request with `dead`, as it is written and with the values that mend it: `GOOD` mended ones between
//!   `BAD` that are not; a SIGKILL and a new start; the declared `edit`, `retry` and `drop`.
//! - **Decides**: mended work that is not done `WITHIN`; work that is neither in the list nor done by then, or in it without a reason; one that
//!   is taken for done; one that is not in the list after the kill; an edit that does not show, or whose work is not done when it is retried;
//!   one that is in the list after it was dropped, or is in it again.
//! - **Blast radius**: the service is killed once. What the probe made is retried or dropped.
//! - **Bound in time**: four times `WITHIN` at most.

use std::time::{Duration, Instant};

use serde_json::Value;

use self::judge::{Removed, blocked, dropped, kept, mended, stored};
use super::letters::{Letter, Letters, shows};
use super::support::{Asked, ask, have, wait};
use crate::clause::ratchet::dead_letters as clause;
use crate::control::{Control, Uncontrolled};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::border::support::writes::{Writes, writes};
use crate::subject::RequestSpec;

mod judge;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "ratchet.dead-letters";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Works that cannot be processed: one is edited and retried, the others are dropped.
const BAD: usize = 3;
/// Works between them that can.
const GOOD: usize = 6;
/// Time within which work must be done, and work that cannot be must be set aside, all its attempts included.
const WITHIN: Duration = Duration::from_secs(20);
/// The same at any pace.
const LEAST_WITHIN: Duration = Duration::from_secs(6);
/// Time after which what was dropped is looked for again.
const LATER: Duration = Duration::from_millis(1500);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Examines the running subject; kills it and starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    let spec = lab.subject.work.iter().find(|spec| !spec.dead.is_empty()).cloned();
    let (Some(spec), Some(declared)) = (spec, lab.subject.dead_letters.clone()) else {
        return match writes(lab).await {
            Writes::None(reason, evidence) => Finding::not_applicable(ID, reason, evidence),
            Writes::Possible => {
                let reason = "it is not known what becomes of work that cannot be processed: declare a request that asks for such work (`dead`, \
                              `read` and `done` in [[requests]]), and where operators see and change it ([dead_letters])";
                Finding::unknown(ID, reason, Vec::new())
            }
        };
    };
    let good = spec.with_values(&spec.dead);
    let peace = match peace(lab, &good).await {
        Ok(control) => control,
        Err(failed) => {
            let gap = failed.exchange.iter().fold(Evidence::gap(&failed.what), |gap, exchange| gap.with(exchange));
            return Finding::unknown(ID, failed.what, vec![gap]);
        }
    };
    let letters = Letters::new(declared);
    match judged(lab, &spec, &good, &letters, &peace).await {
        Ok(evidence) => Finding::judge(ID, evidence),
        Err(reason) => Finding::unknown(ID, reason.clone(), vec![Evidence::gap(reason)]),
    }
}

/// Shows that mended work is done.
async fn peace(lab: &Lab, good: &RequestSpec) -> Result<Control, Uncontrolled> {
    let name = &good.name;
    let (asked, refused) = ask(lab, &[good]).await;
    let asked: Vec<Asked> = asked.into_iter().flatten().collect();
    if let Some(exchange) = refused {
        let otherwise =
            format!("{name}, mended by `dead`, is not answered as declared, or not with what `read` needs: mend it");
        return Control::seen(false, "", otherwise).map_err(|failed| failed.shown_by(&exchange));
    }
    let within = within(lab);
    let left = wait(lab, &asked, &good.done, within).await;
    let otherwise =
        format!("the work of {name}, mended by `dead`, is not done {within:.0?} after it was asked for: check `done`");
    Control::seen(left == 0, format!("the work of {name}, mended by `dead`, is done in peace"), otherwise)
}

/// A work that cannot be processed, and its row.
struct Bad {
    asked: Asked,
    letter: Option<Letter>,
}

/// # Errors
/// When nothing can be seen: why.
async fn judged(
    lab: &mut Lab,
    spec: &RequestSpec,
    good: &RequestSpec,
    letters: &Letters,
    peace: &Control,
) -> Result<Vec<Evidence>, String> {
    let name = &spec.name;
    let within = within(lab);
    let (bad, fine) = mixed(lab, spec, good).await?;
    let begun = Instant::now();
    let left = wait(lab, &fine, &spec.done, within).await;
    let (is_good, what) = blocked(fine.len(), left, bad.len(), begun.elapsed());
    let mut evidence = vec![clause::REST.saw(is_good, what).by(peace)];
    let mut bad: Vec<Bad> = bad.into_iter().map(|asked| Bad { asked, letter: None }).collect();
    while bad.iter().any(|bad| bad.letter.is_none()) && begun.elapsed() < within {
        find(lab, letters, &mut bad).await?;
        tokio::time::sleep(LOOK).await;
    }
    let asked: Vec<Asked> = bad.iter().map(|bad| bad.asked.clone()).collect();
    let done = have(lab, &asked, &spec.done).await.into_iter().filter(|done| *done).count();
    let reasons: Vec<Option<&str>> =
        bad.iter().map(|bad| bad.letter.as_ref().map(|letter| letter.reason.as_str())).collect();
    let (is_good, what) = stored(name, &reasons, done, within);
    evidence.push(clause::STORE.saw(is_good, what).by(peace));
    let Some(first) = bad.iter().find_map(|bad| bad.letter.clone()) else {
        let nothing =
            format!("no work of {name} was found in {}: nothing was there to look at or to change", letters.list());
        evidence.extend([clause::LOOK, clause::EDIT, clause::RETRY, clause::DROP].map(|clause| clause.gap(&nothing)));
        return Ok(evidence);
    };
    evidence.push(looked(spec, letters, &first));
    evidence.push(match survived(lab, letters, &mut bad).await {
        Ok((before, after)) => {
            let (is_good, what) = kept(before, after);
            clause::STORE.saw(is_good, what).by(peace)
        }
        Err(what) => clause::STORE.gap(what),
    });
    bad.retain(|bad| bad.letter.is_some());
    let Some((mend, rest)) = bad.split_first() else { return Ok(evidence) };
    evidence.extend(edited(lab, spec, letters, mend, peace).await?);
    evidence.push(removed(lab, letters, rest).await?.by(peace));
    Ok(evidence)
}

/// Asks for works that can be processed between some that cannot.
async fn mixed(lab: &Lab, spec: &RequestSpec, good: &RequestSpec) -> Result<(Vec<Asked>, Vec<Asked>), String> {
    let (mut bad, mut fine) = (Vec::new(), Vec::new());
    for number in 0..BAD + GOOD {
        let is_bad = number % ((BAD + GOOD) / BAD) == 0;
        let (asked, refused) = ask(lab, &[if is_bad { spec } else { good }]).await;
        if let Some(exchange) = refused {
            let came = exchange.status().map_or_else(|| "not at all".to_owned(), |status| status.as_u16().to_string());
            let kind = if is_bad { "as it is written" } else { "mended by `dead`" };
            return Err(format!("{}, {kind}, is answered {came}: `dead` needs work that is acknowledged", spec.name));
        }
        if is_bad { &mut bad } else { &mut fine }.extend(asked.into_iter().flatten());
    }
    Ok((bad, fine))
}

/// Finds the rows of works.
async fn find(lab: &Lab, letters: &Letters, bad: &mut [Bad]) -> Result<(), String> {
    let rows = letters.all(lab).await?;
    for bad in bad {
        bad.letter = rows.iter().find(|letter| letter.is_of(&bad.asked.names)).cloned();
    }
    Ok(())
}

/// Judges whether the payload of a dead letter shows.
fn looked(spec: &RequestSpec, letters: &Letters, letter: &Letter) -> Evidence {
    let given = |pointer: &String| spec.json.as_ref().and_then(|json| json.pointer(pointer)).cloned();
    let values: Vec<Value> = spec.dead.keys().filter_map(given).collect();
    let seen = values.iter().all(|value| shows(&letter.document, value));
    let not = if seen { "" } else { "not " };
    let what = format!("{} does {not}show what the work was asked for with", letters.shown());
    clause::LOOK.saw(seen, what).showing(letter.document.to_string())
}

/// Kills the service, and returns the numbers of dead letters before and after.
async fn survived(lab: &mut Lab, letters: &Letters, bad: &mut [Bad]) -> Result<(usize, usize), String> {
    let before = bad.iter().filter(|bad| bad.letter.is_some()).count();
    lab.kill().await.map_err(|failure| format!("it was not killed: {failure}"))?;
    lab.process().wait(Duration::from_secs(5)).await;
    lab.ensure_running().await.map_err(|failure| format!("after a SIGKILL it did not start again: {failure}"))?;
    find(lab, letters, bad).await?;
    Ok((before, bad.iter().filter(|bad| bad.letter.is_some()).count()))
}

/// Edits one, and retries it.
async fn edited(
    lab: &Lab,
    spec: &RequestSpec,
    letters: &Letters,
    bad: &Bad,
    peace: &Control,
) -> Result<Vec<Evidence>, String> {
    let (Some(letter), Some(retry)) = (&bad.letter, &letters.declared.retry) else {
        let gap = "it was not retried: declare `retry` in [dead_letters]";
        return Ok(vec![clause::RETRY.gap(gap), clause::EDIT.gap(gap)]);
    };
    let edit = letters.declared.edit.as_ref().zip(letter.mended(&letters.declared.mend));
    let Some((edit, payload)) = edit else {
        let gap = "it was not edited: declare `edit`, `payload` and `mend` in [dead_letters]";
        return Ok(vec![clause::RETRY.gap(gap), clause::EDIT.gap(gap)]);
    };
    let exchange = letters.pull(lab, edit, &letter.id, Some(&payload)).await;
    if !exchange.status().is_some_and(|status| status.is_success()) {
        let what = format!("the edit of a dead letter is not answered as done: {} {}", edit.method, edit.path);
        return Ok(vec![clause::EDIT.contradicts(what).with(&exchange), clause::RETRY.gap("it was not edited before")]);
    }
    let again = letters.all(lab).await?.into_iter().find(|again| again.id == letter.id);
    let is_shown = again.is_some_and(|again| letters.declared.mend.values().all(|value| shows(&again.document, value)));
    let exchange = letters.pull(lab, retry, &letter.id, None).await;
    if !exchange.status().is_some_and(|status| status.is_success()) {
        let what = format!("the retry of a dead letter is not answered as done: {} {}", retry.method, retry.path);
        return Ok(vec![clause::RETRY.contradicts(what).with(&exchange), clause::EDIT.gap("it was not retried")]);
    }
    let begun = Instant::now();
    let left = wait(lab, std::slice::from_ref(&bad.asked), &spec.done, within(lab)).await;
    let is_there = letters.all(lab).await?.iter().any(|letter| letter.is_of(&bad.asked.names));
    let (edit, retry) = mended(is_shown, left == 0, is_there, begun.elapsed());
    Ok(vec![clause::EDIT.saw(edit.0, edit.1).by(peace), clause::RETRY.saw(retry.0, retry.1).by(peace)])
}

/// Drops the others.
async fn removed(lab: &Lab, letters: &Letters, rest: &[Bad]) -> Result<Evidence, String> {
    let Some(drop) = letters.declared.drop.as_ref().filter(|_| !rest.is_empty()) else {
        return Ok(clause::DROP.gap("none was dropped: declare `drop` in [dead_letters]"));
    };
    for letter in rest.iter().filter_map(|bad| bad.letter.as_ref()) {
        let exchange = letters.pull(lab, drop, &letter.id, None).await;
        if !exchange.status().is_some_and(|status| status.is_success()) {
            let what = format!("the drop of a dead letter is not answered as done: {} {}", drop.method, drop.path);
            return Ok(clause::DROP.contradicts(what).with(&exchange));
        }
    }
    let there =
        |rows: Vec<Letter>| rest.iter().filter(|bad| rows.iter().any(|letter| letter.is_of(&bad.asked.names))).count();
    let at_once = there(letters.all(lab).await?);
    tokio::time::sleep(lab.pace.of(LATER)).await;
    let later = there(letters.all(lab).await?);
    let (is_good, what) = dropped(&Removed { dropped: rest.len(), at_once, later });
    Ok(clause::DROP.saw(is_good, what))
}

/// The bound of a wait.
fn within(lab: &Lab) -> Duration {
    lab.pace.of(WITHIN).max(LEAST_WITHIN)
}
