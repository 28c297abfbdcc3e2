//! Judges the hypotheses of a drill by its observations.

use std::sync::Arc;

use super::bank::BankJudgement;
use super::command::run_command;
use super::effects::EffectsSeen;
use super::finding::{Finding, Judged, Judgement, LOOK_PATIENCE};
use super::observed::Observed;
use super::plan::{CallBound, HealthCheck, Http, Hypothesis, LoadBound, Metric, Phase, Plan, Recovers};
use super::target::DrillTarget;
use crate::double::MAX_CALLS;
use keel_load::Sample;
use keel_wire::http::{Client, Request};

/// The fewest requests of which a threshold can be said to be met.
const LEAST: u64 = 5;
/// The most outcomes that are told, the most frequent first.
const MOST_OUTCOMES: usize = 3;

/// Judges the state before the first step: thresholds on the phase `before`, and everything that is looked at.
pub(super) async fn gate(plan: &Plan, observed: &Observed, target: &impl DrillTarget) -> Vec<Finding> {
    let mut findings = Vec::new();
    for hypothesis in &plan.hypotheses {
        let judged = match &hypothesis.load {
            Some(bound) if bound.phase == Phase::Before => Some(bounded(observed, bound)),
            _ => looked_at(hypothesis, target).await,
        };
        findings.extend(judged.map(|(outcome, evidence)| Finding::new(&hypothesis.name, outcome, evidence)));
    }
    findings
}

/// Judges every hypothesis at the end. Latencies and failures count only where the load was the one that was planned:
/// `invalid` says why it was not.
pub(super) async fn judge(
    plan: &Plan,
    observed: &Observed,
    target: &impl DrillTarget,
    bank_watch: Option<&BankJudgement>,
    effects: &[Arc<EffectsSeen>],
    invalid: Option<&str>,
) -> Vec<Finding> {
    let of_load = |(outcome, evidence)| match invalid {
        Some(_) => (Judgement::Unknown, format!("{evidence}; but this was not the load that was planned")),
        None => (outcome, evidence),
    };
    let mut findings = Vec::new();
    let mut effects = effects.iter();
    for hypothesis in &plan.hypotheses {
        let (outcome, evidence) = match hypothesis {
            Hypothesis { load: Some(bound), .. } => of_load(bounded(observed, bound)),
            Hypothesis { recovers: Some(recovers), .. } => of_load(recovered(observed, recovers)),
            Hypothesis { bank: Some(_), .. } => bank_watch.map_or_else(
                || (Judgement::Unknown, "it was not recorded".to_owned()),
                |judged| (judged.outcome, judged.evidence.clone()),
            ),
            Hypothesis { calls: Some(bound), .. } => called(observed, bound, target),
            // In the order of the plan, as they were opened.
            Hypothesis { effects: Some(_), .. } => match effects.next() {
                Some(seen) => seen.judge().await,
                None => (Judgement::Unknown, "they were not recorded".to_owned()),
            },
            looked => looked_at(looked, target).await.unwrap_or((Judgement::Unknown, "it has no check".to_owned())),
        };
        findings.push(Finding::new(&hypothesis.name, outcome, evidence));
    }
    findings.extend(invalid.map(|why| Finding::new("the load was sent as planned", Judgement::Unknown, why)));
    findings
}

async fn looked_at(hypothesis: &Hypothesis, target: &impl DrillTarget) -> Option<Judged> {
    Some(match hypothesis {
        Hypothesis { http: Some(http), .. } => answered(http, target).await,
        Hypothesis { metric: Some(metric), .. } => measured(metric, target).await,
        Hypothesis { health: Some(health), .. } => healthy(health, target).await,
        Hypothesis { command: Some(run), .. } => match run_command(run).await {
            Ok(()) => (Judgement::Held, format!("`{run}` succeeds")),
            Err(problem) => (Judgement::FellShort, problem),
        },
        _ => return None,
    })
}

fn bounded(observed: &Observed, bound: &LoadBound) -> Judged {
    let part = observed.samples.part(observed.span(bound.phase));
    let (figures, mut outcome, mut evidence) = (part.figures(), Judgement::Held, Vec::new());
    for threshold in &bound.thresholds {
        let judged = threshold.judge(&figures);
        let becomes = match judged.met {
            _ if judged.of < LEAST => Judgement::Unknown,
            true => Judgement::Held,
            false => Judgement::FellShort,
        };
        // One that is not met outweighs those of which too little was seen.
        if outcome != Judgement::FellShort && becomes != Judgement::Held {
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
fn called(observed: &Observed, bound: &CallBound, target: &impl DrillTarget) -> Judged {
    let Some(double) = target.double(&bound.dependency) else {
        return (Judgement::Unknown, format!("calls to {} cannot be seen", bound.dependency));
    };
    let span = observed.span(bound.phase);
    let calls = double.calls();
    let came = calls.iter().filter(|call| span.contains(&call.at.saturating_duration_since(observed.begun))).count();
    let sent = |sample: &&Sample| {
        sample.outcome != keel_load::Outcome::NotSent
            && span.contains(&sample.sent)
            && bound.requests.contains(&observed.kinds[sample.kind])
    };
    let requests = observed.samples.all().iter().filter(sent).count();
    if calls.len() >= MAX_CALLS {
        return (
            Judgement::Unknown,
            format!("more than {MAX_CALLS} calls came to {}, the most that are kept", bound.dependency),
        );
    }
    let evidence = |told: &str| {
        format!("{came} calls to {} for {requests} requests ({}){told}", bound.dependency, bound.requests.join(", "))
    };
    if (requests as u64) < LEAST {
        return (Judgement::Unknown, evidence(", too few to tell"));
    }
    let share = came as f64 / requests as f64;
    let outcome = if share <= bound.at_most { Judgement::Held } else { Judgement::FellShort };
    (outcome, evidence(&format!(": {share:.2} a request, at most {}", bound.at_most)))
}

fn recovered(observed: &Observed, recovers: &Recovers) -> Judged {
    let of = |sample: &Sample| recovers.request.as_ref().is_none_or(|name| *name == observed.kinds[sample.kind]);
    let all = observed.samples.all();
    let after = || all.iter().filter(|sample| of(sample) && sample.intended >= observed.undone);
    let expected = |sample: &&Sample| sample.outcome == keel_load::Outcome::Expected;
    let last = after().filter(|sample| !expected(sample)).map(|sample| sample.intended).max();
    let next = after().filter(expected).filter(|sample| last.is_none_or(|last| sample.intended > last));
    let Some(next) = next.map(|sample| sample.done).min() else {
        return (Judgement::FellShort, "it had not recovered when the load ended".to_owned());
    };
    let took = next.saturating_sub(observed.undone);
    let evidence = format!(
        "recovered {:.1} s after the last undo (within {:.1} s)",
        took.as_secs_f64(),
        recovers.within.as_secs_f64()
    );
    (if took <= recovers.within { Judgement::Held } else { Judgement::FellShort }, evidence)
}

fn client_for(target: &impl DrillTarget, admin: bool) -> Client {
    Client::new(if admin { target.admin() } else { target.url() }, LOOK_PATIENCE)
}

async fn answered(http: &Http, target: &impl DrillTarget) -> Judged {
    let exchange = client_for(target, http.admin).send(Request::get(target.filled(&http.path))).await;
    let status = exchange.status().map(|status| status.as_u16());
    let value = http.at.as_ref().map(|at| exchange.answer()?.json()?.pointer(at).cloned());
    let equal = value.as_ref().is_none_or(|value| value.as_ref() == http.equals.as_ref());
    let held = status == Some(http.status) && equal;
    (if held { Judgement::Held } else { Judgement::FellShort }, format!("GET {}: {}", http.path, exchange.came_back()))
}

async fn healthy(health: &HealthCheck, target: &impl DrillTarget) -> Judged {
    let exchange = client_for(target, true).send(Request::get(&health.path)).await;
    let value = exchange.answer().and_then(|answer| answer.json()?.pointer(&health.at).cloned());
    let held = value.as_ref() == Some(&health.equals);
    let there = value.map_or_else(|| exchange.came_back(), |value| value.to_string());
    (if held { Judgement::Held } else { Judgement::FellShort }, format!("{} of {} is {there}", health.at, health.path))
}

async fn measured(metric: &Metric, target: &impl DrillTarget) -> Judged {
    let exchange = client_for(target, true).send(Request::get(&metric.path)).await;
    let Some(value) = exchange.answer().and_then(|answer| sum(&answer.text(), metric)) else {
        return (Judgement::FellShort, format!("there is no {} at {}", metric.name, metric.path));
    };
    let held = metric.min.is_none_or(|min| value >= min) && metric.max.is_none_or(|max| value <= max);
    (if held { Judgement::Held } else { Judgement::FellShort }, format!("{} is {value}", metric.name))
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
