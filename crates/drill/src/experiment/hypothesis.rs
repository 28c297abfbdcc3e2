//! Whether what was seen is what was expected.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::course::COMMAND_PATIENCE;
use super::plan::{Effects, Health, Http, Hypothesis, LoadBound, Metric, Phase, Plan, Recovers};
use super::stage::{Kind, Stage};
use super::traffic::{self, Record, Write};
use crate::http::{Client, Request};

/// How often a write that was not answered is asked about.
const EFFECT_TRIES: usize = 20;
/// Between two of these.
const EFFECT_PAUSE: Duration = Duration::from_millis(200);
/// The bound of one look at an answer, a metric, a health document.
const LOOK_PATIENCE: Duration = Duration::from_secs(10);
/// The fewest requests of which a bound can be said to hold.
const LEAST: usize = 5;

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

/// What was seen of the load.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) kinds: Vec<Kind>,
    pub(super) records: Vec<Record>,
    pub(super) writes: Vec<Write>,
    pub(super) unsent: u64,
    pub(super) late: u64,
    pub(super) attempts: u64,
    pub(super) first_step: Duration,
    /// When the last step was undone.
    pub(super) undone: Duration,
}

impl Seen {
    pub(super) fn phase(&self, plan: &Plan, phase: Phase) -> (Duration, Duration) {
        match phase {
            Phase::Before => (Duration::ZERO, self.first_step),
            Phase::During => (self.first_step, self.undone),
            Phase::After => (self.undone + plan.recovery, Duration::MAX),
            Phase::Whole => (Duration::ZERO, Duration::MAX),
        }
    }

    fn of(&self, request: Option<&str>) -> impl Iterator<Item = &Record> {
        let kind = request.map(|name| self.kinds.iter().position(|kind| kind.name == name).unwrap_or(usize::MAX));
        self.records.iter().filter(move |record| kind.is_none_or(|kind| record.kind == kind))
    }
}

type Judged = (Outcome, String);

/// What must hold before anything is done: bounds on the phase `before`, and everything that is looked at.
pub(super) async fn gate(plan: &Plan, seen: &Seen, stage: &impl Stage) -> Vec<Finding> {
    let mut findings = Vec::new();
    for hypothesis in &plan.hypotheses {
        let judged = match &hypothesis.load {
            Some(bound) if bound.phase == Phase::Before => Some(bounded(plan, seen, bound)),
            _ => looked_at(hypothesis, stage).await,
        };
        findings.extend(judged.map(|(outcome, evidence)| Finding::new(&hypothesis.name, outcome, evidence)));
    }
    findings
}

/// What held of all of it.
pub(super) async fn judge(
    plan: &Plan,
    seen: &Seen,
    stage: &impl Stage,
    client: &Client,
    before: &BTreeMap<String, i64>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for hypothesis in &plan.hypotheses {
        let (outcome, evidence) = match hypothesis {
            Hypothesis { load: Some(bound), .. } => bounded(plan, seen, bound),
            Hypothesis { recovers: Some(recovers), .. } => recovered(seen, recovers),
            Hypothesis { effects: Some(effects), .. } => {
                effected(effects, seen, stage, client, before.get(&effects.read).copied()).await
            }
            looked => looked_at(looked, stage).await.unwrap_or((Outcome::Unknown, "it has no check".to_owned())),
        };
        findings.push(Finding::new(&hypothesis.name, outcome, evidence));
    }
    #[allow(clippy::cast_precision_loss, reason = "counts of requests")]
    let late = seen.late as f64 / seen.records.len().max(1) as f64;
    if seen.unsent > 0 || late > 0.05 {
        findings.push(Finding::new(
            "the load was sent as planned",
            Outcome::Unknown,
            format!("{} requests were not sent and {} were late: latencies mean little", seen.unsent, seen.late),
        ));
    }
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

fn bounded(plan: &Plan, seen: &Seen, bound: &LoadBound) -> Judged {
    let (from, to) = seen.phase(plan, bound.phase);
    let records: Vec<&Record> =
        seen.of(bound.request.as_deref()).filter(|record| from <= record.at && record.at < to).collect();
    if records.len() < LEAST {
        return (Outcome::Unknown, format!("only {} requests fell into it", records.len()));
    }
    let mut evidence = vec![format!("{} requests", records.len())];
    let mut held = true;
    if let Some(least) = bound.success {
        let succeeded = records.iter().filter(|record| record.succeeded).count();
        #[allow(clippy::cast_precision_loss, reason = "counts of requests")]
        let share = succeeded as f64 / records.len() as f64;
        held &= share >= least;
        evidence.push(format!("{:.2} % succeeded (at least {:.2} %)", share * 100.0, least * 100.0));
        if succeeded < records.len() {
            evidence.push(format!("failures: {}", reasons(&records)));
        }
    }
    let mut took: Vec<Duration> = records.iter().map(|record| record.took).collect();
    took.sort_unstable();
    for (name, of_100, most) in [("p50", 50, bound.p50), ("p99", 99, bound.p99), ("slowest", 100, bound.max)] {
        let Some(most) = most else { continue };
        let value = quantile(&took, of_100);
        held &= value <= most;
        evidence.push(format!("{name} {} (at most {})", milliseconds(value), milliseconds(most)));
    }
    (if held { Outcome::Held } else { Outcome::FellShort }, evidence.join(", "))
}

/// The most frequent reasons first.
fn reasons(records: &[&Record]) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    for record in records.iter().filter(|record| !record.succeeded) {
        *counts.entry(&record.outcome).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.iter().take(3).map(|(reason, count)| format!("{count} × {reason}")).collect::<Vec<_>>().join("; ")
}

pub(super) fn quantile(sorted: &[Duration], of_100: usize) -> Duration {
    let place = (sorted.len() * of_100).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
}

pub(super) fn milliseconds(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1000.0;
    if milliseconds < 10.0 { format!("{milliseconds:.1} ms") } else { format!("{milliseconds:.0} ms") }
}

fn recovered(seen: &Seen, recovers: &Recovers) -> Judged {
    let after = || seen.of(recovers.request.as_deref()).filter(|record| record.at >= seen.undone);
    let last = after().filter(|record| !record.succeeded).map(|record| record.at).max();
    let next = after()
        .filter(|record| record.succeeded && last.is_none_or(|last| record.at > last))
        .map(|record| record.known)
        .min();
    let Some(next) = next else {
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

/// The values that effects add to, before the load.
pub(super) async fn values(plan: &Plan, stage: &impl Stage) -> BTreeMap<String, i64> {
    let mut values = BTreeMap::new();
    for effects in plan.hypotheses.iter().filter_map(|hypothesis| hypothesis.effects.as_ref()) {
        if let Some(value) = value(effects, stage).await {
            values.insert(effects.read.clone(), value);
        }
    }
    values
}

async fn value(effects: &Effects, stage: &impl Stage) -> Option<i64> {
    let exchange = client_for(stage, false).send(Request::get(stage.filled(&effects.read))).await;
    exchange.answer()?.json()?.pointer(&effects.at)?.as_i64()
}

/// Asks again for every write with its key: the answer of one that was acknowledged must be the same, and one that was not
/// must be answered in the end. Then each has had its effect exactly once, and the value tells whether that is so.
async fn effected(effects: &Effects, seen: &Seen, stage: &impl Stage, client: &Client, before: Option<i64>) -> Judged {
    let Some(before) = before else {
        return (Outcome::Unknown, format!("{} could not be read before the load", effects.read));
    };
    let (mut expected, mut asked, mut acknowledged, mut problems) = (before, 0_usize, 0_usize, Vec::new());
    for write in &seen.writes {
        let kind = &seen.kinds[write.kind];
        let Some(adds) = effects.adds.get(&kind.name) else { continue };
        expected += adds;
        asked += 1;
        acknowledged += usize::from(write.acknowledged.is_some());
        match (asked_again(kind, write, client).await, &write.acknowledged) {
            (None, _) => problems.push(format!("a {} is not answered any more", kind.name)),
            (Some(answer), Some(first)) if !same(&answer, first) => {
                problems
                    .push(format!("an acknowledged {} is answered differently: {first} became {answer}", kind.name));
            }
            _ => {}
        }
    }
    let after = value(effects, stage).await;
    if after != Some(expected) {
        let after = after.map_or("nothing".to_owned(), |after| after.to_string());
        problems.push(format!("{}{} was {before}, and is {after} instead of {expected}", effects.read, effects.at));
    }
    match problems.as_slice() {
        [] if asked == 0 => (Outcome::Unknown, "nothing was written".to_owned()),
        [] => (
            Outcome::Held,
            format!(
                "{asked} writes, {acknowledged} of them acknowledged at once: each is there exactly once ({before} became {expected})"
            ),
        ),
        [first, ..] => (Outcome::FellShort, format!("{first} ({} of {asked} writes)", problems.len())),
    }
}

async fn asked_again(kind: &Kind, write: &Write, client: &Client) -> Option<String> {
    for _ in 0..EFFECT_TRIES {
        let exchange = client.send(write.request.clone()).await;
        if (kind.succeeds)(&exchange) {
            return Some(traffic::body(&exchange));
        }
        tokio::time::sleep(EFFECT_PAUSE).await;
    }
    None
}

/// The same answer: the same JSON, or the same text.
fn same(left: &str, right: &str) -> bool {
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    json(left).zip(json(right)).map_or(left == right, |(left, right)| left == right)
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

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let sorted: Vec<_> = (1..=10).map(Duration::from_secs).collect();
        assert_eq!([50, 99, 100].map(|of| quantile(&sorted, of).as_secs()), [5, 10, 10]);
    }
}
