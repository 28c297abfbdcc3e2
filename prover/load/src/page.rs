//! The report as one page: figures, latency over time, and latency by percentile. No script, nothing from elsewhere.

use std::time::Duration;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::latencies::{Latencies, QUANTILES, word};
use crate::page_style::STYLE;
use crate::plot::{self, BLUE, GREEN, ORANGE, Scaling};
use crate::report::{Report, Second, milliseconds};
use crate::threshold::Judged;

/// The page of a report and of the thresholds that it was judged by.
pub fn page(report: &Report, judged: &[Judged]) -> String {
    let latency =
        |second: &Second, of: fn(&Second) -> Option<Duration>| of(second).map(|duration| duration.as_secs_f64() * 1e3);
    let series =
        |of: fn(&Second) -> Option<Duration>| report.seconds.iter().map(|second| latency(second, of)).collect();
    let counts = |of: fn(&Second) -> u64| report.seconds.iter().map(|second| Some(of(second) as f64)).collect();
    let points = |latencies: Latencies| latencies.points(plot::quantiles());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Load on " (report.target) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Load on " (report.target) }
                p { (format!("{} requests in {:.1} s: {:.1} a second intended, {:.1} sent, {:.1} answered as expected. Seed {}.",
                    report.total().count(), report.took.as_secs_f64(), report.intended_rate(), report.rate(), report.goodput(), report.seed)) }
                @if let Some(why) = report.validity.told(report.allowed_lag) { p.bad { "Invalid: " (why) "." } }
                @if report.ended_early { p.bad { "Ended early." } }
                @if !judged.is_empty() { (thresholds(judged)) }
                h2 { "Results" }
                (kinds(report))
                h2 { "Latency over time (ms, logarithmic)" }
                (plot::key([(BLUE, "half within"), (ORANGE, "99 of 100 within"), (GREEN, "longest")]))
                (plot::over_time("latency over time", &[
                    (BLUE, series(|second| second.p50)), (ORANGE, series(|second| second.p99)), (GREEN, series(|second| second.max)),
                ], Scaling::Logarithmic, &[]))
                h2 { "Requests a second" }
                (plot::key([(BLUE, "intended"), (GREEN, "answered as expected"), (ORANGE, "otherwise")]))
                (plot::over_time("requests a second", &[
                    (BLUE, counts(|second| second.intended)), (GREEN, counts(|second| second.expected)),
                    (ORANGE, counts(|second| second.done - second.expected)),
                ], Scaling::Linear, &[]))
                h2 { "Latency by percentile (ms, logarithmic)" }
                (plot::key([(ORANGE, "from the intended time"), (BLUE, "from the sending")]))
                (plot::by_percentile("latency by percentile",
                    &[(ORANGE, points(report.total().latency())), (BLUE, points(report.total().service()))]))
            }
        }
    }
    .into_string()
}

fn thresholds(judged: &[Judged]) -> Markup {
    html! {
        h2 { "Thresholds" }
        div.scroll { table.figures {
            @for one in judged {
                tr {
                    td { (one.threshold) }
                    td { (one.measured) }
                    td class=(if one.met { "good" } else { "bad" }) { (if one.met { "met" } else { "missed" }) }
                }
            }
        } }
    }
}

fn kinds(report: &Report) -> Markup {
    html! {
        div.scroll { table.figures {
            tr { th { "Request" } th { "Outcome" } th { "Count" } @for quantile in QUANTILES { th { (word(quantile)) } } th { "max" } }
            @for (name, rows) in &report.kinds { @for row in rows {
                tr {
                    td { (name) }
                    td { (row.outcome.word()) }
                    td { (row.count) }
                    @for quantile in QUANTILES { td { (milliseconds(row.latency.quantile(quantile))) } }
                    td { (milliseconds(row.latency.max())) }
                }
            } }
        } }
    }
}
