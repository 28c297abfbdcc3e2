//! Whether what was seen is what was expected.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::course::COMMAND_PATIENCE;
use super::effects::EffectsSeen;
use super::money;
use super::plan::{CallBound, Health, Http, Hypothesis, LoadBound, Metric, Phase, Plan, Recovers};
use super::stage::Stage;
use crate::double::MAX_CALLS;
use keel_load::{Sample, Samples};
use keel_wire::http::{Client, Request};

/// The bound of one look at an answer, a metric, a health document.
pub(super) const LOOK_PATIENCE: Duration = Duration::from_secs(10);
/// The fewest requests of which a threshold can be said to be met.
const LEAST: u64 = 5;
/// The most outcomes that are told, the most frequent first.
const MOST_OUTCOMES: usize = 3;

/// What is said of one hypothesis.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The hypothesis.
    pub name: String,
    /// Whether it held.
    pub outcome: Outcome,
    /// What was seen.
    pub evidence: String,
}

/// Whether a hypothesis held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It did.
    Held,
    /// It did not.
    FellShort,
    /// Too little was seen.
    Unknown,
}

impl Finding {
    pub(super) fn new(name: &str, outcome: Outcome, evidence: impl Into<String>) -> Self {
        Self { name: name.to_owned(), outcome, evidence: evidence.into() }
    }
}

/// What was seen of the load, and when what happened.
pub(super) struct Seen {
    pub(super) samples: Samples,
    /// The names of requests, by the place that samples have.
    pub(super) kinds: Vec<String>,
    pub(super) begun: Instant,
    pub(super) first_step: Duration,
    /// When the last step was undone.
    pub(super) undone: Duration,
    pub(super) lasts: Duration,
    pub(super) recovery: Duration,
}

impl Seen {
    /// When the requests of a phase were to be sent.
    pub(super) fn span(&self, phase: Phase) -> Range<Duration> {
        match phase {
            Phase::Before => Duration::ZERO..self.first_step,
            Phase::During => self.first_step..self.undone,
            Phase::After => (self.undone + self.recovery).min(self.lasts)..self.lasts,
            Phase::Whole => Duration::ZERO..self.lasts,
        }
    }
}

pub(super) type Judged = (Outcome, String);

/// What must hold before anything is done: thresholds on the phase `before`, and everything that is looked at.
pub(super) async fn gate(plan: &Plan, seen: &Seen, stage: &impl Stage) -> Vec<Finding> {
    let mut findings = Vec::new();
    for hypothesis in &plan.hypotheses {
        let judged = match &hypothesis.load {
            Some(bound) if bound.phase == Phase::Before => Some(bounded(seen, bound)),
            _ => looked_at(hypothesis, stage).await,
        };
        findings.extend(judged.map(|(outcome, evidence)| Finding::new(&hypothesis.name, outcome, evidence)));
    }
    findings
}

/// What held of all of it. What was seen of latencies and failures counts only where the load was the one that was planned:
/// `invalid` says why it was not.
pub(super) async fn judge(
    plan: &Plan,
    seen: &Seen,
    stage: &impl Stage,
    money: Option<&money::Judged>,
    effects: &[Arc<EffectsSeen>],
    invalid: Option<&str>,
) -> Vec<Finding> {
    let of_load = |(outcome, evidence)| match invalid {
        Some(_) => (Outcome::Unknown, format!("{evidence}; but this was not the load that was planned")),
        None => (outcome, evidence),
    };
    let mut findings = Vec::new();
    let mut effects = effects.iter();
    for hypothesis in &plan.hypotheses {
        let (outcome, evidence) = match hypothesis {
            Hypothesis { load: Some(bound), .. } => of_load(bounded(seen, bound)),
            Hypothesis { recovers: Some(recovers), .. } => of_load(recovered(seen, recovers)),
            Hypothesis { bank: Some(_), .. } => money.map_or_else(
                || (Outcome::Unknown, "nobody took it down".to_owned()),
                |judged| (judged.outcome, judged.evidence.clone()),
            ),
            Hypothesis { calls: Some(bound), .. } => called(seen, bound, stage),
            // In the order of the plan, as they were opened.
            Hypothesis { effects: Some(_), .. } => match effects.next() {
                Some(seen) => seen.judge().await,
                None => (Outcome::Unknown, "nobody took them down".to_owned()),
            },
            looked => looked_at(looked, stage).await.unwrap_or((Outcome::Unknown, "it has no check".to_owned())),
        };
        findings.push(Finding::new(&hypothesis.name, outcome, evidence));
    }
    findings.extend(invalid.map(|why| Finding::new("the load was sent as planned", Outcome::Unknown, why)));
    findings
}

async fn looked_at(hypothesis: &Hypothesis, stage: &impl Stage) -> Option<Judged> {
    Some(match hypothesis {
        Hypothesis { http: Some(http), .. } => answered(http, stage).await,
        Hypothesis { metric: Some(metric), .. } => measured(metric, stage).await,
        Hypothesis { health: Some(health), .. } => healthy(health, stage).await,
        Hypothesis { command: Some(run), .. } => match command(run).await {
            Ok(()) => (Outcome::Held, format!("`{run}` succeeds")),
            Err(problem) => (Outcome::FellShort, problem),
        },
        _ => return None,
    })
}

fn bounded(seen: &Seen, bound: &LoadBound) -> Judged {
    let part = seen.samples.part(seen.span(bound.phase));
    let (figures, mut outcome, mut evidence) = (part.figures(), Outcome::Held, Vec::new());
    for threshold in &bound.thresholds {
        let judged = threshold.judge(&figures);
        let becomes = match judged.met {
            _ if judged.of < LEAST => Outcome::Unknown,
            true => Outcome::Held,
            false => Outcome::FellShort,
        };
        // One that is not met outweighs those of which too little was seen.
        if outcome != Outcome::FellShort && becomes != Outcome::Held {
            outcome = becomes;
        }
        let few = if judged.of < LEAST { ", too few to tell" } else { "" };
        evidence.push(format!("{}: {} of {} requests{few}", judged.threshold, judged.measured, judged.of));
    }
    let unexpected =
        figures.total().outcomes().into_iter().filter(|(outcome, _)| *outcome != keel_load::Outcome::Expected);
    let unexpected: Vec<String> =
        unexpected.take(MOST_OUTCOMES).map(|(outcome, count)| format!("{count} {}", outcome.word())).collect();
    if !unexpected.is_empty() {
        evidence.push(format!("not as expected: {}", unexpected.join(", ")));
    }
    (outcome, evidence.join("; "))
}

/// The calls that came to a dependency in a phase, for the requests that were sent in it.
fn called(seen: &Seen, bound: &CallBound, stage: &impl Stage) -> Judged {
    let Some(double) = stage.double(&bound.dependency) else {
        return (Outcome::Unknown, format!("calls to {} cannot be seen", bound.dependency));
    };
    let span = seen.span(bound.phase);
    let calls = double.calls();
    let came = calls.iter().filter(|call| span.contains(&call.at.saturating_duration_since(seen.begun))).count();
    let sent = |sample: &&Sample| {
        sample.outcome != keel_load::Outcome::NotSent
            && span.contains(&sample.sent)
            && bound.requests.contains(&seen.kinds[sample.kind])
    };
    let requests = seen.samples.all().iter().filter(sent).count();
    if calls.len() >= MAX_CALLS {
        return (
            Outcome::Unknown,
            format!("more than {MAX_CALLS} calls came to {}, the most that are kept", bound.dependency),
        );
    }
    let evidence = |told: &str| {
        format!("{came} calls to {} for {requests} requests ({}){told}", bound.dependency, bound.requests.join(", "))
    };
    if (requests as u64) < LEAST {
        return (Outcome::Unknown, evidence(", too few to tell"));
    }
    let share = came as f64 / requests as f64;
    let outcome = if share <= bound.at_most { Outcome::Held } else { Outcome::FellShort };
    (outcome, evidence(&format!(": {share:.2} a request, at most {}", bound.at_most)))
}

fn recovered(seen: &Seen, recovers: &Recovers) -> Judged {
    let of = |sample: &Sample| recovers.request.as_ref().is_none_or(|name| *name == seen.kinds[sample.kind]);
    let all = seen.samples.all();
    let after = || all.iter().filter(|sample| of(sample) && sample.intended >= seen.undone);
    let expected = |sample: &&Sample| sample.outcome == keel_load::Outcome::Expected;
    let last = after().filter(|sample| !expected(sample)).map(|sample| sample.intended).max();
    let next = after().filter(expected).filter(|sample| last.is_none_or(|last| sample.intended > last));
    let Some(next) = next.map(|sample| sample.done).min() else {
        return (Outcome::FellShort, "it had not recovered when the load ended".to_owned());
    };
    let took = next.saturating_sub(seen.undone);
    let evidence = format!(
        "recovered {:.1} s after the last undo (within {:.1} s)",
        took.as_secs_f64(),
        recovers.within.as_secs_f64()
    );
    (if took <= recovers.within { Outcome::Held } else { Outcome::FellShort }, evidence)
}

fn client_for(stage: &impl Stage, admin: bool) -> Client {
    Client::new(if admin { stage.admin() } else { stage.url() }, LOOK_PATIENCE)
}

async fn answered(http: &Http, stage: &impl Stage) -> Judged {
    let exchange = client_for(stage, http.admin).send(Request::get(stage.filled(&http.path))).await;
    let status = exchange.status().map(|status| status.as_u16());
    let value = http.at.as_ref().map(|at| exchange.answer()?.json()?.pointer(at).cloned());
    let equal = value.as_ref().is_none_or(|value| value.as_ref() == http.equals.as_ref());
    let held = status == Some(http.status) && equal;
    (if held { Outcome::Held } else { Outcome::FellShort }, format!("GET {}: {}", http.path, exchange.came_back()))
}

async fn healthy(health: &Health, stage: &impl Stage) -> Judged {
    let exchange = client_for(stage, true).send(Request::get(&health.path)).await;
    let value = exchange.answer().and_then(|answer| answer.json()?.pointer(&health.at).cloned());
    let held = value.as_ref() == Some(&health.equals);
    let there = value.map_or_else(|| exchange.came_back(), |value| value.to_string());
    (if held { Outcome::Held } else { Outcome::FellShort }, format!("{} of {} is {there}", health.at, health.path))
}

async fn measured(metric: &Metric, stage: &impl Stage) -> Judged {
    let exchange = client_for(stage, true).send(Request::get(&metric.path)).await;
    let Some(value) = exchange.answer().and_then(|answer| sum(&answer.text(), metric)) else {
        return (Outcome::FellShort, format!("there is no {} at {}", metric.name, metric.path));
    };
    let held = metric.min.is_none_or(|min| value >= min) && metric.max.is_none_or(|max| value <= max);
    (if held { Outcome::Held } else { Outcome::FellShort }, format!("{} is {value}", metric.name))
}

/// The sum over the label sets that have all the labels asked for; none when there is no such line.
fn sum(text: &str, metric: &Metric) -> Option<f64> {
    let values = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let has = |(key, value): (&String, &String)| labels.contains(&format!("{key}=\"{value}\""));
        (name == metric.name && metric.labels.iter().all(has)).then(|| value.parse::<f64>().ok()).flatten()
    });
    values.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

/// Runs a shell command; its failure in a sentence.
pub(super) async fn command(run: &str) -> Result<(), String> {
    let mut command = tokio::process::Command::new("/bin/sh");
    command.arg("-c").arg(run).stdin(std::process::Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(COMMAND_PATIENCE, command.output()).await {
        Err(_) => Err(format!("`{run}` took longer than {COMMAND_PATIENCE:?}")),
        Ok(Err(error)) => Err(format!("`{run}` could not be started: {error}")),
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("`{run}`: {}{}{}", output.status, if said.is_empty() { "" } else { ": " }, said.trim()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_its_label_sets() {
        let text = "# TYPE a counter\na{route=\"/x\",code=\"500\"} 2\na{route=\"/y\",code=\"500\"} 3\na{code=\"200\"} 9\nab 7\n";
        let metric = |name: &str, labels: &[(&str, &str)]| Metric {
            name: name.to_owned(),
            labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            path: String::new(),
            min: None,
            max: None,
        };
        assert_eq!(sum(text, &metric("a", &[("code", "500")])), Some(5.0));
        assert_eq!(sum(text, &metric("ab", &[])), Some(7.0));
        assert_eq!(sum(text, &metric("b", &[])), None);
    }
}
