//! The report as one page: figures, latency over time, and latency by percentile. No script, nothing from elsewhere.

use std::fmt::Write;
use std::time::Duration;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::report::{QUANTILES, Report, Second, Validity, milliseconds, word};
use super::threshold::Judged;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 220.0;
/// Room for the numbers at the left.
const LEFT: f64 = 72.0;
/// Room at the top and at the bottom.
const EDGE: f64 = 24.0;
/// The most points of a line.
const MAX_POINTS: usize = 480;
/// Told apart by people who see red and green alike (Okabe and Ito).
const BLUE: &str = "#0072b2";
const ORANGE: &str = "#d55e00";
const GREEN: &str = "#009e73";
const STYLE: &str = "
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.5rem;margin:0;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}p{margin:.3rem 0}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}
td,th{text-align:right;padding:.3rem .6rem;border-top:1px solid #d8dee4;white-space:nowrap}td:first-child,th:first-child{text-align:left}
.met{color:#1a7f37}.missed,.invalid{color:#b42318;font-weight:600}
svg{width:100%;height:auto;display:block}svg text{font:12px system-ui,sans-serif;fill:#57606a}svg .grid{stroke:#d8dee4}
.key span{display:inline-block;margin-right:1rem}.key i{display:inline-block;width:.8rem;height:.8rem;margin-right:.3rem;border-radius:2px}
@media (prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}td,th{border-color:#30363d}svg text{fill:#9da7b1}svg .grid{stroke:#30363d}
.met{color:#3fb950}.missed,.invalid{color:#ff7b72}}
";

/// The page of a report and of the thresholds that it was judged by.
pub fn page(report: &Report, judged: &[Judged]) -> String {
    let latency =
        |second: &Second, of: fn(&Second) -> Option<Duration>| of(second).map(|duration| duration.as_secs_f64() * 1e3);
    let series =
        |of: fn(&Second) -> Option<Duration>| report.seconds.iter().map(|second| latency(second, of)).collect();
    let counts = |of: fn(&Second) -> u64| report.seconds.iter().map(|second| Some(of(second) as f64)).collect();
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
                @if let Validity::Behind { late, .. } = report.validity {
                    p.invalid { (format!("Invalid: the generator fell behind its schedule, {:.1} % of requests left more than 10 ms late.", late * 100.0)) }
                }
                @if report.ended_early { p.invalid { "Ended early." } }
                @if !judged.is_empty() { (thresholds(judged)) }
                h2 { "What came back" }
                (kinds(report))
                h2 { "Latency over time (ms, logarithmic)" }
                (key(&[(BLUE, "half within"), (ORANGE, "99 of 100 within"), (GREEN, "longest")]))
                (over_time(&[(BLUE, series(|second| second.p50)), (ORANGE, series(|second| second.p99)), (GREEN, series(|second| second.max))], true))
                h2 { "Requests a second" }
                (key(&[(BLUE, "intended"), (GREEN, "answered as expected"), (ORANGE, "otherwise")]))
                (over_time(&[(BLUE, counts(|second| second.intended)), (GREEN, counts(|second| second.expected)),
                    (ORANGE, counts(|second| second.done - second.expected))], false))
                h2 { "Latency by percentile (ms, logarithmic)" }
                (key(&[(ORANGE, "from the intended time"), (BLUE, "from the sending")]))
                (by_percentile(report))
            }
        }
    }
    .into_string()
}

fn thresholds(judged: &[Judged]) -> Markup {
    html! {
        h2 { "Thresholds" }
        div.scroll { table {
            @for one in judged {
                tr {
                    td { (one.threshold) }
                    td { (one.measured) }
                    td class=(if one.met { "met" } else { "missed" }) { (if one.met { "met" } else { "missed" }) }
                }
            }
        } }
    }
}

fn kinds(report: &Report) -> Markup {
    html! {
        div.scroll { table {
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

fn key(entries: &[(&str, &str)]) -> Markup {
    html! { p.key { @for (colour, name) in entries { span { i style={ "background:" (colour) } {} (name) } } } }
}

/// A scale from values to heights.
struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64> + Clone, logarithmic: bool) -> Self {
        let high = values.clone().fold(0.0, f64::max);
        match logarithmic {
            false => Self { low: 0.0, high: if high > 0.0 { high } else { 1.0 }, logarithmic },
            true => {
                let low = values.filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
                let low = if low.is_finite() { 10_f64.powf(low.log10().floor()) } else { 0.1 };
                Self { low, high: 10_f64.powf(high.max(low * 10.0).log10().ceil()), logarithmic }
            }
        }
    }

    fn height(&self, value: f64) -> f64 {
        let share = match self.logarithmic {
            true => (value.max(self.low) / self.low).log10() / (self.high / self.low).log10(),
            false => value / self.high,
        };
        HEIGHT - EDGE - share * (HEIGHT - 2.0 * EDGE)
    }

    fn marks(&self) -> Vec<f64> {
        match self.logarithmic {
            true => {
                let (first, last) = (self.low.log10().round() as i32, self.high.log10().round() as i32);
                (first..=last).map(|power| 10_f64.powi(power)).collect()
            }
            false => (0..=4).map(|quarter| self.high * f64::from(quarter) / 4.0).collect(),
        }
    }
}

fn over_time(lines: &[(&str, Vec<Option<f64>>)], logarithmic: bool) -> Markup {
    let scale = Scale::of(lines.iter().flat_map(|(_, values)| values).copied().flatten(), logarithmic);
    let seconds = lines.first().map_or(0, |(_, values)| values.len()).max(1);
    let across = |second: f64| LEFT + second / seconds as f64 * (WIDTH - LEFT);
    let mut svg = frame(&scale);
    let step = (seconds / 8).max(1);
    for second in (0..=seconds).step_by(step) {
        let _ = write!(
            svg,
            r#"<text x="{:.1}" y="{}" text-anchor="middle">{second} s</text>"#,
            across(second as f64).min(WIDTH - 14.0),
            HEIGHT - 6.0
        );
    }
    for (colour, values) in lines {
        // Of several seconds that share a point the worst is shown.
        let width = values.len().div_ceil(MAX_POINTS).max(1);
        let points = values.chunks(width).enumerate().filter_map(|(index, chunk)| {
            let worst = chunk.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
            worst.is_finite().then(|| (across((index * width) as f64 + 0.5), scale.height(worst)))
        });
        polyline(&mut svg, colour, points);
    }
    close(svg)
}

/// Percentiles on the scale of HdrHistogram's plotter: each nine takes the same room.
fn by_percentile(report: &Report) -> Markup {
    const NINES: f64 = 5.0;
    let across = |quantile: f64| LEFT + (-(1.0 - quantile).log10()).min(NINES) / NINES * (WIDTH - LEFT);
    let quantiles: Vec<f64> = (0..=250).map(|step| 1.0 - 10_f64.powf(-NINES * f64::from(step) / 250.0)).collect();
    let (latency, service) = (report.total().latency(), report.total().service());
    let lines = [(ORANGE, &latency), (BLUE, &service)].map(|(colour, all)| {
        let value = |quantile: &f64| all.quantile(*quantile).as_secs_f64() * 1e3;
        (colour, quantiles.iter().map(value).collect::<Vec<_>>())
    });
    let scale = Scale::of(lines.iter().flat_map(|(_, values)| values).copied(), true);
    let mut svg = frame(&scale);
    for (quantile, told) in [(0.0, "0"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %")] {
        let _ =
            write!(svg, r#"<text x="{:.1}" y="{}" text-anchor="middle">{told}</text>"#, across(quantile), HEIGHT - 6.0);
    }
    for (colour, values) in &lines {
        let points = quantiles.iter().zip(values).map(|(quantile, value)| (across(*quantile), scale.height(*value)));
        polyline(&mut svg, colour, points);
    }
    close(svg)
}

fn frame(scale: &Scale) -> String {
    let mut svg = format!(r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">"#);
    for mark in scale.marks() {
        let height = scale.height(mark);
        let told = if mark >= 10.0 || mark == 0.0 { format!("{mark:.0}") } else { format!("{mark}") };
        let _ = write!(svg, r#"<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{height:.1}" y2="{height:.1}"/>"#);
        let _ = write!(svg, r#"<text x="{}" y="{:.1}" text-anchor="end">{told}</text>"#, LEFT - 8.0, height + 4.0);
    }
    svg
}

fn polyline(svg: &mut String, colour: &str, points: impl Iterator<Item = (f64, f64)>) {
    let points = points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ");
    let _ = write!(svg, r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>"#);
}

fn close(mut svg: String) -> Markup {
    svg.push_str("</svg>");
    PreEscaped(svg)
}
