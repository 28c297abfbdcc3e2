//! The page: verdict, hypotheses, and a timeline of load, latency, faults and events. No script, nothing from elsewhere.

use std::collections::BTreeSet;
use std::ops::Range;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{DrillVerdict, EventKind, Report, Second};
use crate::experiment::finding::Judgement;
use keel_load::Part;
use keel_load::page_style::STYLE;
use keel_load::plot::{self, BLUE, COLOURS, GREEN, ORANGE, SHADE, Scaling};
use keel_load::report::{Latencies, milliseconds};

impl Report {
    /// One page that needs nothing else.
    pub fn to_html(&self) -> String {
        page(self)
    }
}

fn page(report: &Report) -> String {
    let broken: Vec<Range<f64>> =
        report.spans.iter().map(|span| span.from.as_secs_f64()..span.to.as_secs_f64()).collect();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (report.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (report.title) }
                p { (report.description) }
                p { span class={ "pill " (class(&report.verdict)) } { (report.verdict.words()) } }
                p { small { "began " (report.start) ", seed " (report.seed) (attempts(report)) } }
                @if !report.findings.is_empty() { (findings(report)) }
                h2 { "Requests, by the second in which they were due" }
                (plot::key([(BLUE, "due"), (GREEN, "answered as expected"), (ORANGE, "otherwise"), (SHADE, "something is broken")]))
                (requests(report, &broken))
                h2 { "Latency from the intended time: 99 of 100 within (ms, logarithmic)" }
                (latency(report, &broken))
                h2 { "Latency by percentile (ms, logarithmic)" }
                (percentiles(report))
                h2 { "Results" }
                (figures(report))
                @if !report.events.is_empty() { (events(report)) }
            }
        }
    }
    .into_string()
}

fn class(verdict: &DrillVerdict) -> &'static str {
    match verdict {
        DrillVerdict::Held => "good",
        DrillVerdict::FellShort | DrillVerdict::Aborted(_) => "bad",
        DrillVerdict::Unknown | DrillVerdict::NotSteady => "unsure",
    }
}

fn outcome(outcome: Judgement) -> (&'static str, &'static str) {
    match outcome {
        Judgement::Held => ("good", "held"),
        Judgement::FellShort => ("bad", "fell short"),
        Judgement::Unknown => ("unsure", "unknown"),
    }
}

fn attempts(report: &Report) -> String {
    match &report.load {
        Some(load) if load.attempts > load.sent => format!(", {} attempts for {} requests", load.attempts, load.sent),
        Some(load) => format!(", {} requests", load.sent),
        None => String::new(),
    }
}

fn findings(report: &Report) -> Markup {
    html! {
        h2 { "Hypotheses" }
        table {
            @for finding in &report.findings {
                tr {
                    td { span class={ "pill " (outcome(finding.outcome).0) } { (outcome(finding.outcome).1) } }
                    td { strong { (finding.name) } br; (finding.evidence) }
                }
            }
        }
    }
}

fn events(report: &Report) -> Markup {
    html! {
        h2 { "Steps" }
        table {
            @for event in &report.events {
                tr {
                    td { (format!("{:.1} s", event.at.as_secs_f64())) }
                    td { @match event.mark { EventKind::Fault => "broken", EventKind::Undo => "undone", EventKind::Abort => "broken off" } }
                    td { (event.what) }
                }
            }
        }
    }
}

fn requests(report: &Report, broken: &[Range<f64>]) -> Markup {
    let counts = |of: fn(&Second) -> u64| report.seconds.iter().map(|second| Some(of(second) as f64)).collect();
    let lines = [
        (BLUE, counts(|second| second.intended)),
        (GREEN, counts(|second| second.expected)),
        (ORANGE, counts(|second| second.intended - second.expected)),
    ];
    plot::over_time("requests a second: due, answered as expected, otherwise", &lines, Scaling::Linear, broken)
}

fn latency(report: &Report, broken: &[Range<f64>]) -> Markup {
    let names: BTreeSet<&str> =
        report.seconds.iter().flat_map(|second| second.p99_ms.keys().map(String::as_str)).collect();
    let coloured = || COLOURS.into_iter().cycle().zip(names.iter().copied());
    let values = |name: &str| report.seconds.iter().map(|second| second.p99_ms.get(name).copied()).collect();
    let lines: Vec<plot::Line<'_>> = coloured().map(|(colour, name)| (colour, values(name))).collect();
    html! {
        (plot::key(coloured()))
        (plot::over_time("latency of 99 of 100, by request", &lines, Scaling::Logarithmic, broken))
    }
}

fn percentiles(report: &Report) -> Markup {
    let phases: Vec<(&str, &str, Latencies)> = [BLUE, ORANGE, GREEN]
        .into_iter()
        .zip(&report.phases)
        .map(|(colour, (name, part))| (colour, *name, part.figures().total().latency()))
        .filter(|(_, _, latencies)| latencies.count() > 0)
        .collect();
    let points = |latencies: &Latencies| latencies.points(plot::quantiles());
    let lines: Vec<_> = phases.iter().map(|(colour, _, latencies)| (*colour, points(latencies))).collect();
    html! {
        (plot::key(phases.iter().map(|(colour, name, _)| (*colour, *name))))
        (plot::by_percentile("latency by percentile, by phase", &lines))
    }
}

/// By phase, request and outcome.
fn figures(report: &Report) -> Markup {
    let rows = |part: &Part| -> Vec<(String, String, u64, [String; 3])> {
        let kinds = part.figures().kinds.iter();
        kinds
            .flat_map(|(name, rows)| {
                rows.iter().map(|row| {
                    let latency = [row.latency.quantile(0.5), row.latency.quantile(0.99), row.latency.max()];
                    (name.clone(), row.outcome.word(), row.count, latency.map(milliseconds))
                })
            })
            .collect()
    };
    html! {
        div.scroll { table.figures {
            tr { th { "Phase" } th { "Request" } th { "Outcome" } th { "Count" } th { "p50" } th { "p99" } th { "max" } }
            @for (phase, part) in &report.phases { @for (name, outcome, count, latency) in rows(part) {
                tr { td { (phase) } td { (name) } td { (outcome) } td { (count) } @for value in &latency { td { (value) } } }
            } }
        } }
    }
}
