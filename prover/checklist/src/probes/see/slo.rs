//! `see.slo`: objectives are declared in code; error budgets and multi-window burn-rate alerts come from them; performance is measured
//! against them.
//!
//! - **Hypothesis**: an objective in the declared rules counts what users send: of requests that succeed and of requests that fail, its
//!   counters rise by just so many. Its alerts compare the share of failures in several windows: a page comes within `PAGE_WITHIN` of a
//!   total outage, ends soon after the repair, and stays out of a slow burn, for which there is a ticket; no alert comes without failures.
//!   Its error budget is told, and falls with failures. The declared command finds the rules equal to what the code generates.
//! - **Sent**: `GOOD` requests that use a dependency, and `BAD` of the same while the dependency refuses connections; where no request
//!   uses one, a harmless request and one that is declared to fail (`expect = 500`). Three GETs of the metrics around them.
//! - **Decides**: the counters; and the rules, evaluated over what keel's requests added to the counters, for made-up courses
//!   of failures. One objective of which keel can make requests fail stands for all. Rules with functions that keel does not evaluate
//!   are gaps. Whether a Prometheus evaluates the rules in time, and who is woken, is not seen.
//! - **Blast radius**: a dependency is away for some seconds.
//! - **Bound in time**: 30 exchanges for each of at most `MAX_TRIES` requests, the command of `check`, and `STATE_WITHIN`.

use self::burn::Burn;
use self::counted::Tried;
use self::evaluation::World;
use super::ops_files::{self, Compared, Rules};
use crate::clause::see::slo as clause;
use crate::control::Control;
use crate::finding::{Bearing, Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;

mod budget;
mod burn;
mod counted;
mod evaluation;
pub(crate) mod expression;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
mod state;
#[cfg(test)]
mod tests;

const ID: &str = "see.slo";

/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};

/// The most requests that are tried until one moves the counters of an objective.
const MAX_TRIES: usize = 4;

/// Examines the objectives in the declared rules.
pub async fn examine(lab: &mut Lab) -> Finding {
    let Some(ops) = lab.subject.ops.clone().filter(|ops| !ops.rules.is_empty()) else {
        let reason = "no rule files are declared, so no objective is known: say `rules` in [ops] of keel.toml";
        return Finding::unknown(ID, reason, Vec::new());
    };
    let rules = match Rules::read(&ops) {
        Ok(rules) if !rules.alerts.is_empty() => rules,
        Ok(_) => return Finding::unknown(ID, "the declared rule files have no alerts", Vec::new()),
        Err(what) => return Finding::unknown(ID, format!("the rules cannot be read: {what}"), Vec::new()),
    };
    let mut evidence = Vec::new();
    let mut moved = false;
    for tried in counted::candidates(lab).into_iter().take(MAX_TRIES) {
        let counted = match counted::count(lab, &tried).await {
            Ok(counted) => counted,
            Err(failed) => {
                evidence.push(clause::MEASURED.uncontrolled(&failed));
                continue;
            }
        };
        let (control, counted) = counted;
        let world = World { rules: &rules, counted: &counted };
        let Some(judged) = judge(world, &tried, &control) else {
            evidence.push(clause::MEASURED.figure(format!("no objective counts {}", tried.bad.name)));
            continue;
        };
        // What no objective counts decides nothing once another request does.
        evidence.retain(|piece: &Evidence| piece.bearing() != Bearing::Gap);
        evidence.extend(judged);
        evidence.push(budget::judge(world, &counted.scrapes));
        evidence.extend(state::changed(lab, &counted.scrapes[0]).await);
        moved = true;
        break;
    }
    if !moved {
        let what = "no request is known that fails at will and that an objective counts: declare [dependencies.NAME] with `uses` on a \
                    request, or a request with `expect = 500`, of a route with an objective";
        evidence.extend([clause::MEASURED, clause::ALERTS, clause::BUDGETS].map(|clause| clause.gap(what)));
    }
    let declared = declared(&ops_files::compare(lab).await);
    evidence.push(ops_files::check_recipe(&lab.subject).into_iter().fold(declared, Evidence::reproduced_by));
    // What failed on purpose is forgotten.
    lab.stop().await;
    Finding::judge(ID, evidence)
}

/// Judges the counters and the alerts of the objectives that count these requests; none when no objective does.
fn judge(world: World<'_>, tried: &Tried, control: &Control) -> Option<Vec<Evidence>> {
    let (mut evidence, mut unread) = (Vec::new(), Vec::new());
    let (mut burns, mut counted) = (Vec::new(), None);
    for alert in &world.rules.alerts {
        let ranges = match world.ranges(&alert.expression) {
            Ok(ranges) => ranges,
            Err(why) => {
                unread.push(clause::ALERTS.gap(format!("the alert {} was not evaluated: {why}", alert.name)));
                continue;
            }
        };
        let Some(seen) = counted::counters(world.counted, &ranges) else { continue };
        if seen.is_exact() {
            burns.push(Burn::of(world, alert, &ranges));
        }
        // One alert with exact counters is enough: another one may be of latency.
        match &counted {
            Some(known) if seen.is_exact() <= counted::Counters::is_exact(known) => {}
            _ => counted = Some(seen),
        }
    }
    let counted = counted?;
    evidence.push(counted.judge(&tried.bad.name).by(control));
    if burns.is_empty() {
        evidence.push(clause::ALERTS.gap("no alert is on counters that are exact, so none was evaluated"));
    }
    let silent = Control::seen(
        burns.iter().all(Burn::is_silent_in_peace),
        "without failures none of these alerts fires",
        "an alert fires without any failure, so that it says nothing of them",
    );
    let judged = burn::judge(&burns);
    evidence.extend(match silent {
        Ok(silent) => judged.into_iter().map(|piece| if piece.decides() { piece.by(&silent) } else { piece }).collect(),
        Err(failed) => vec![clause::ALERTS.contradicts(failed.what)],
    });
    // Alerts of other objectives that are not read decide nothing once this one was.
    if burns.is_empty() {
        evidence.extend(unread);
    }
    Some(evidence)
}

/// Judges whether the rules are those that the code generates.
fn declared(compared: &Result<Compared, String>) -> Evidence {
    let compared = match compared {
        Ok(compared) => compared,
        Err(what) => return clause::DECLARED.gap(what.clone()),
    };
    let control = Control::seen(
        compared.notices_rules == Some(true),
        "`check` fails on a copy with a changed rule file",
        "`check` does not notice a changed rule file, so whether objectives are in the code was not seen",
    );
    let told = if compared.equal { "equal to" } else { "not" };
    match control {
        Ok(control) => {
            let what = format!("`check` finds the rules of the objectives {told} what the code generates");
            clause::DECLARED.saw(compared.equal, what).by(&control)
        }
        Err(failed) => clause::DECLARED.uncontrolled(&failed),
    }
}
