//! Recording rules, with sloth's names and labels.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::objectives::Slo;
use crate::observe::numbers::{duration, number, quoted};

/// The windows of an objective, each once, from the shortest on; the period last.
fn windows(slo: &Slo) -> Vec<Duration> {
    let scale = slo.period.as_secs_f64() / crate::objectives::PERIOD.as_secs_f64();
    let all = crate::objectives::PAIRS.into_iter().flat_map(|pair| [pair.long, pair.short]);
    let mut windows: Vec<Duration> = all.map(|window| window.mul_f64(scale)).chain([slo.period]).collect();
    windows.sort();
    windows.dedup();
    windows
}

/// The names of all groups of rules, in the order in which they build on each other.
pub(super) fn group_names(service: &str, slos: &[Slo]) -> Vec<String> {
    let recorded = slos.iter().flat_map(|slo| ["sli", "meta"].map(|what| group_name(what, service, slo)));
    recorded.chain([alerts_group(service)]).collect()
}

fn group_name(what: &str, service: &str, slo: &Slo) -> String {
    format!("sloth-slo-{what}-recordings-{service}-{}", slo.name)
}

/// The name of the group of alerts.
pub(super) fn alerts_group(service: &str) -> String {
    format!("{service}-alerts")
}

/// The groups of all objectives.
pub(super) fn groups(service: &str, slos: &[Slo]) -> String {
    let mut out = String::new();
    for slo in slos {
        indicators(&mut out, service, slo);
        meta(&mut out, service, slo);
    }
    out
}

fn indicators(out: &mut String, service: &str, slo: &Slo) {
    let _ = writeln!(out, "- name: {}\n  rules:", group_name("sli", service, slo));
    for window in windows(slo) {
        let (window, series) = (duration(window), series(service, slo));
        // The ratio of sums, over the period too: never the mean of ratios.
        let expr = format!(
            "sum(rate(objective_bad_total{series}[{window}])) / sum(rate(objective_events_total{series}[{window}]))"
        );
        let mut labels = labels(service, slo);
        labels.insert("sloth_window", window.clone());
        rule(out, &format!("slo:sli_error:ratio_rate{window}"), &expr, &labels);
    }
}

fn meta(out: &mut String, service: &str, slo: &Slo) {
    let _ = writeln!(out, "- name: {}\n  rules:", group_name("meta", service, slo));
    let (labels, select) = (labels(service, slo), selector(service, slo));
    let (period, days) = (duration(slo.period), slo.period.as_secs_f64() / 86_400.0);
    let shortest = duration(windows(slo)[0]);
    let budget = format!("slo:error_budget:ratio{select}");
    let by = "/ on(sloth_id, sloth_slo, sloth_service) group_left";
    let rules = [
        ("slo:objective:ratio", format!("vector({})", number(slo.target))),
        ("slo:error_budget:ratio", format!("vector({})", number(slo.budget()))),
        ("slo:time_period:days", format!("vector({})", number(days))),
        ("slo:current_burn_rate:ratio", format!("slo:sli_error:ratio_rate{shortest}{select} {by} {budget}")),
        ("slo:period_burn_rate:ratio", format!("slo:sli_error:ratio_rate{period}{select} {by} {budget}")),
        ("slo:period_error_budget_remaining:ratio", format!("1 - slo:period_burn_rate:ratio{select}")),
    ];
    for (name, expr) in rules {
        rule(out, name, &expr, &labels);
    }
}

fn rule(out: &mut String, name: &str, expr: &str, labels: &BTreeMap<&str, String>) {
    let _ = writeln!(out, "  - record: {name}\n    expr: {}\n    labels:", quoted(expr));
    for (name, value) in labels {
        let _ = writeln!(out, "      {name}: {}", quoted(value));
    }
}

/// The labels of a recorded series.
pub(super) fn labels(service: &str, slo: &Slo) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("sloth_id", format!("{service}-{}", slo.name)),
        ("sloth_service", service.to_owned()),
        ("sloth_slo", slo.name.clone()),
    ])
}

/// Selects the recorded series of an objective.
pub(super) fn selector(service: &str, slo: &Slo) -> String {
    let pairs = labels(service, slo).into_iter().map(|(name, value)| format!("{name}={}", quoted(&value)));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
}

/// Selects the counters of an objective.
pub(super) fn series(service: &str, slo: &Slo) -> String {
    format!("{{service={}, objective={}}}", quoted(service), quoted(&slo.name))
}
