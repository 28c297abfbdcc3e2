//! `data.integrity`: declared invariants are checked again and again, a breach alerts and names its rows, and checksums show what changed at rest.
//!
//! - **Hypothesis**: a row that is damaged while the service runs is named by an alarm soon after, and no more once the damage is taken back.
//! - **Sent**: the mix, after a start with the variables of `[integrity]`; then the command `damage`, and looks at `alarm`; the command `repair`,
//!   and looks again. The same with `corrupt` and `restore`, where no invariant sees the change.
//! - **Decides**: an alarm that does not name the row `WITHIN` its damage. An alarm that goes on after the repair may be one that people end: it
//!   is not known then whether more than one check was made.
//! - **Blast radius**: a row of the service's data is wrong for some seconds, and stays wrong when keel is killed meanwhile: give the service
//!   data of its own. The service is started again with other variables, and stopped at the end.
//! - **Bound in time**: a start, and four times `WITHIN` at most; a service that checks each second takes four seconds.

use std::time::{Duration, Instant};

use keel_drill::process::{Launch, run_to_end};
use keel_wire::http::{Answer, Request};

use self::judge::{Alarm, alerts, checked, checksums};
use crate::clause::data::integrity as clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::border::support::writes::{Writes, writes};
use crate::subject::{Damage, Integrity};

mod judge;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "data.integrity";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Time within which an alarm must come, and end.
const WITHIN: Duration = Duration::from_secs(20);
/// The same at any pace.
const LEAST_WITHIN: Duration = Duration::from_secs(2);
/// Bound of a command.
const COMMAND: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Examines the subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    let Some(declared) = lab.subject.integrity.clone() else {
        return match writes(lab).await {
            Writes::None(reason, evidence) => Finding::not_applicable(ID, reason, evidence),
            Writes::Possible => {
                let reason = "no invariant is known: declare in [integrity] a command that breaks one, and where the alarm names the row";
                Finding::unknown(ID, reason, Vec::new())
            }
        };
    };
    lab.stop().await;
    let env = declared.env.clone();
    if let Err(failure) = lab.start_with(|launch| launch.env.extend(env)).await {
        let reason = format!("it does not start with the variables of [integrity]: {failure}");
        return Finding::unknown(ID, reason, Vec::new());
    }
    lab.send_mix().await;
    let finding = match judged(lab, &declared).await {
        Ok(evidence) => Finding::judge(ID, evidence),
        Err(reason) => Finding::unknown(ID, reason.clone(), vec![Evidence::gap(reason)]),
    };
    lab.stop().await;
    finding
}

/// # Errors
/// When nothing can be seen: why.
async fn judged(lab: &Lab, declared: &Integrity) -> Result<Vec<Evidence>, String> {
    let (alarm, control) = damaged(lab, declared, &declared.damage, "damage").await?;
    let mut evidence = Vec::new();
    for (clause, (is_good, what)) in [(clause::ALERTS, alerts(&alarm)), (clause::CHECKED, checked(&alarm))] {
        evidence.push(clause.maybe(is_good, what).by(&control));
    }
    evidence.push(match &declared.corruption {
        None => clause::CHECKSUMS.gap(
            "nothing was changed under a checksum: declare `corrupt` and `restore` in [integrity] if what is stored has one",
        ),
        Some(corruption) => match damaged(lab, declared, corruption, "corrupt").await {
            Ok((alarm, control)) => {
                let (is_good, what) = checksums(&alarm);
                clause::CHECKSUMS.maybe(is_good, what).by(&control)
            }
            Err(reason) => clause::CHECKSUMS.gap(reason),
        },
    });
    Ok(evidence)
}

/// Makes a change and takes it back; what the alarm shows of it.
async fn damaged(lab: &Lab, declared: &Integrity, damage: &Damage, field: &str) -> Result<(Alarm, Control), String> {
    let within = lab.pace.of(WITHIN).max(LEAST_WITHIN);
    let name = lab.filled_path(&declared.names);
    let before = alarms(lab, declared, &name).await?;
    let what = format!("{} does not name {name:?} before the command in `{field}`", declared.alarm);
    let otherwise = format!(
        "{} names {name:?} although nothing is damaged: declare `names` so that only the alarm has it",
        declared.alarm
    );
    let control = Control::seen(!before, what, otherwise).map_err(|failed| failed.what)?;
    run(lab, &damage.command, field).await?;
    let found = until(lab, declared, &name, true, within).await;
    // In any case, so that the damage does not stay.
    let repaired = run(lab, &damage.repair, if field == "damage" { "repair" } else { "restore" }).await;
    let found = found?;
    repaired?;
    let over = match found {
        Some(_) => until(lab, declared, &name, false, within).await?,
        None => None,
    };
    Ok((Alarm { name, found, over, within }, control))
}

/// Waits for the alarm, or for its end; none when it has not come `within`.
async fn until(
    lab: &Lab,
    declared: &Integrity,
    name: &str,
    is_on: bool,
    within: Duration,
) -> Result<Option<Duration>, String> {
    let begun = Instant::now();
    while begun.elapsed() < within {
        if alarms(lab, declared, name).await? == is_on {
            return Ok(Some(begun.elapsed()));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(None)
}

/// Returns true if the alarm names the row now. Its status may be any: health may be bad by the alarm.
async fn alarms(lab: &Lab, declared: &Integrity, name: &str) -> Result<bool, String> {
    let exchange = lab.admin().send(Request::get(lab.filled_path(&declared.alarm))).await;
    match exchange.answer() {
        Some(answer) if answer.status.as_u16() != 404 => Ok(Answer::text(answer).contains(name)),
        _ => Err(format!("GET {} is answered {}: check `alarm`", declared.alarm, exchange.came_back())),
    }
}

async fn run(lab: &Lab, command: &str, field: &str) -> Result<(), String> {
    let launch = Launch { command: lab.filled_path(command), ..lab.launch() };
    match run_to_end(&launch, COMMAND).await {
        Ok(ended) if ended.is_success() => Ok(()),
        Ok(ended) => Err(format!("the command in `{field}` failed: {}", ended.output.trim())),
        Err(error) => Err(format!("the command in `{field}` was not run: {error}")),
    }
}
