//! The page: verdict, hypotheses, and a timeline of load, latency, faults and events. No script, nothing from elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Mark, Report, Verdict};
use crate::experiment::hypothesis::Outcome;

const WIDTH: f64 = 960.0;
/// Room for the numbers at the left.
const LEFT: f64 = 64.0;
const HEIGHT: f64 = 170.0;
/// Room at the top of each plot.
const TOP: f64 = 12.0;
/// Told apart by people who see red and green alike (Okabe and Ito).
const COLOURS: [&str; 6] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"];
const STYLE: &str = "
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}p{margin:.3rem 0}
.verdict{display:inline-block;padding:.1rem .6rem;border-radius:1rem;color:#fff;font-weight:600}
.held{background:#1a7f37}.fell-short,.aborted{background:#b42318}.unknown,.not-steady{background:#7a5b00}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.35rem .6rem;border-top:1px solid #d8dee4}
svg{width:100%;height:auto;display:block}svg text{font:12px system-ui,sans-serif;fill:#57606a}
.key span{display:inline-block;margin-right:1rem}.key i{display:inline-block;width:.8rem;height:.8rem;margin-right:.3rem;border-radius:2px}
small{color:#57606a}
@media (prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}td,th{border-color:#30363d}svg text,small{fill:#9da7b1;color:#9da7b1}}
";

pub(super) fn page(report: &Report) -> String {
    let names = names(report);
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
                p { span class={ "verdict " (class(&report.verdict)) } { (report.verdict.words()) } }
                p { small { "began " (report.start) ", seed " (report.seed) ", " (format!("{:.2}", report.attempts_per_request)) " attempts a request" } }
                h2 { "What was expected" }
                table {
                    @for finding in &report.findings {
                        tr {
                            td { span class={ "verdict " (outcome(finding.outcome).0) } { (outcome(finding.outcome).1) } }
                            td { strong { (finding.name) } br; (finding.evidence) }
                        }
                    }
                }
                h2 { "Requests a second" }
                p class="key" { (key("#1a7f37", "succeeded")) (key("#b42318", "failed")) (key("#f2b8b5", "something was broken")) }
                (load(report))
                h2 { "Latency from the intended time: 99 of 100 within (ms)" }
                p class="key" { @for (name, colour) in &names { (key(colour, name)) } }
                (latency(report, &names))
                h2 { "What was done" }
                table {
                    @for event in &report.events {
                        tr {
                            td { (format!("{:.1} s", event.at.as_secs_f64())) }
                            td { @match event.mark { Mark::Fault => "broken", Mark::Undo => "undone", Mark::Abort => "broken off" } }
                            td { (event.what) }
                        }
                    }
                }
            }
        }
    }
    .into_string()
}

fn class(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::FellShort => "fell-short",
        Verdict::Unknown => "unknown",
        Verdict::NotSteady => "not-steady",
        Verdict::Aborted(_) => "aborted",
    }
}

fn outcome(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Held => ("held", "held"),
        Outcome::FellShort => ("fell-short", "fell short"),
        Outcome::Unknown => ("unknown", "unknown"),
    }
}

fn key(colour: &str, name: &str) -> Markup {
    html! { span { i style={ "background:" (colour) } {} (name) } }
}

fn names(report: &Report) -> BTreeMap<String, &'static str> {
    let names: std::collections::BTreeSet<&String> =
        report.seconds.iter().flat_map(|second| second.requests.keys()).collect();
    names.into_iter().cloned().zip(COLOURS.into_iter().cycle()).collect()
}

/// A plot's scale: seconds to the right, values up.
struct Scale {
    seconds: f64,
    most: f64,
}

#[allow(clippy::cast_precision_loss, reason = "seconds and counts of a plot")]
impl Scale {
    fn new(report: &Report, most: f64) -> Self {
        Self { seconds: report.seconds.len().max(1) as f64, most: nice(most) }
    }

    fn x(&self, second: f64) -> f64 {
        LEFT + (WIDTH - LEFT) * (second / self.seconds).clamp(0.0, 1.0)
    }

    fn y(&self, value: f64) -> f64 {
        TOP + HEIGHT * (1.0 - (value / self.most).clamp(0.0, 1.0))
    }

    /// The frame: lines with their values, seconds, and the spans in which something was broken.
    fn frame(&self, report: &Report) -> String {
        let mut svg = String::new();
        // Writing to a String cannot fail.
        let mut open: Vec<f64> = Vec::new();
        for event in &report.events {
            match event.mark {
                Mark::Fault => open.push(event.at.as_secs_f64()),
                Mark::Undo | Mark::Abort => {
                    if let Some(from) = open.pop() {
                        let (from, to) = (self.x(from), self.x(event.at.as_secs_f64()));
                        let _ = write!(
                            svg,
                            r##"<rect x="{from:.1}" y="{TOP}" width="{:.1}" height="{HEIGHT}" fill="#f2b8b5" opacity="0.45"/>"##,
                            (to - from).max(1.0)
                        );
                    }
                }
            }
        }
        for part in 0..=4 {
            let value = self.most * f64::from(part) / 4.0;
            let y = self.y(value);
            let _ = write!(
                svg,
                r##"<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1}" y2="{y:.1}" stroke="#8b949e" stroke-opacity="0.35"/><text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"##,
                LEFT - 6.0,
                y + 4.0,
                short(value)
            );
        }
        let every = (self.seconds / 12.0).ceil().max(1.0);
        let mut second = 0.0;
        while second <= self.seconds {
            let _ = write!(
                svg,
                r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{second:.0} s</text>"#,
                self.x(second).clamp(LEFT, WIDTH - 14.0),
                TOP + HEIGHT + 16.0
            );
            second += every;
        }
        svg
    }
}

/// The next value whose quarters are short numbers.
fn nice(value: f64) -> f64 {
    let magnitude = 10_f64.powf(value.max(1.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * magnitude)
        .find(|step| *step >= value)
        .unwrap_or(10.0 * magnitude)
}

fn short(value: f64) -> String {
    if value >= 10.0 || value == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

fn svg(label: &str, inner: &str) -> Markup {
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (TOP + HEIGHT + 22.0) } role="img" aria-label=(label) { (PreEscaped(inner)) }
    }
}

#[allow(clippy::cast_precision_loss, reason = "seconds and counts of a plot")]
fn load(report: &Report) -> Markup {
    let most = report.seconds.iter().map(|second| second.succeeded + second.failed).max().unwrap_or(1);
    let scale = Scale::new(report, most as f64);
    let mut inner = scale.frame(report);
    for (place, second) in report.seconds.iter().enumerate() {
        let (x, next) = (scale.x(place as f64), scale.x(place as f64 + 1.0));
        let mut below = 0.0;
        for (count, colour) in [(second.succeeded, "#1a7f37"), (second.failed, "#b42318")] {
            let (from, to) = (scale.y(below), scale.y(below + count as f64));
            below += count as f64;
            let _ = write!(
                inner,
                r#"<rect x="{:.1}" y="{to:.1}" width="{:.1}" height="{:.1}" fill="{colour}"/>"#,
                x + 0.5,
                (next - x - 1.0).max(0.5),
                from - to
            );
        }
    }
    svg("requests a second, succeeded and failed", &inner)
}

#[allow(clippy::cast_precision_loss, reason = "seconds and counts of a plot")]
fn latency(report: &Report, names: &BTreeMap<String, &'static str>) -> Markup {
    let values = report.seconds.iter().flat_map(|second| second.requests.values().map(|(_, _, p99)| *p99));
    let scale = Scale::new(report, values.fold(1.0, f64::max));
    let mut inner = scale.frame(report);
    for (name, colour) in names {
        let mut points = String::new();
        for (place, second) in report.seconds.iter().enumerate() {
            if let Some((_, _, p99)) = second.requests.get(name) {
                let (x, y) = (scale.x(place as f64 + 0.5), scale.y(*p99));
                let _ = write!(points, "{x:.1},{y:.1} ");
                let _ = write!(inner, r#"<circle cx="{x:.1}" cy="{y:.1}" r="2.5" fill="{colour}"/>"#);
            }
        }
        let _ = write!(inner, r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>"#);
    }
    svg("latency of 99 of 100, by request", &inner)
}
