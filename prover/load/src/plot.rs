//! Plots for the pages of reports: values over time, and latencies by percentile. No script, nothing from elsewhere.

use std::fmt::Write;
use std::ops::Range;

use maud::{Markup, PreEscaped, html};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 220.0;
/// Room for the numbers at the left.
const LEFT: f64 = 72.0;
/// Room at the top and at the bottom.
const EDGE: f64 = 24.0;
/// The most marks above zero.
const MOST_STEPS: u32 = 5;
/// The most points of a line.
const MAX_POINTS: usize = 480;
/// Told apart by people who see red and green alike (Okabe and Ito).
pub const BLUE: &str = "#0072b2";
/// Of the second line.
pub const ORANGE: &str = "#d55e00";
/// Of the third line.
pub const GREEN: &str = "#009e73";
/// All six, in the order in which lines take them.
pub const COLOURS: [&str; 6] = [BLUE, ORANGE, GREEN, "#cc79a7", "#e69f00", "#56b4e9"];
/// Of spans in which something was broken.
pub const SHADE: &str = "#f2b8b5";

/// Scale of the value axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// From zero; of counts.
    Linear,
    /// By powers of ten; of latencies.
    Logarithmic,
}

/// A line: its colour, and a value for each second; none where nothing was seen.
pub type Line<'a> = (&'a str, Vec<Option<f64>>);

/// Colours and what they stand for.
pub fn key<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Markup {
    html! { p.key { @for (colour, name) in entries { span { i style={ "background:" (colour) } {} (name) } } } }
}

/// Values second by second, with spans (in seconds) shaded.
pub fn over_time(label: &str, lines: &[Line<'_>], scaling: Scaling, shaded: &[Range<f64>]) -> Markup {
    let scale = Scale::of(lines.iter().flat_map(|(_, values)| values).copied().flatten(), scaling);
    let seconds = lines.iter().map(|(_, values)| values.len()).max().unwrap_or(0).max(1);
    let across = |second: f64| LEFT + (second / seconds as f64).clamp(0.0, 1.0) * (WIDTH - LEFT);
    let mut svg = open(label);
    for span in shaded {
        let (from, to) = (across(span.start), across(span.end));
        let (width, height) = ((to - from).max(1.0), HEIGHT - 2.0 * EDGE);
        // Writing to a String cannot fail, here and below.
        let _ = write!(
            svg,
            r#"<rect x="{from:.1}" y="{EDGE}" width="{width:.1}" height="{height}" fill="{SHADE}" opacity="0.45"/>"#
        );
    }
    frame(&mut svg, &scale);
    for second in (0..=seconds).step_by((seconds / 8).max(1)) {
        let x = across(second as f64).min(WIDTH - 14.0);
        let _ = write!(svg, r#"<text x="{x:.1}" y="{}" text-anchor="middle">{second} s</text>"#, HEIGHT - 6.0);
    }
    for (colour, values) in lines {
        // Of several seconds that share a point the worst is shown.
        let width = values.len().div_ceil(MAX_POINTS).max(1);
        let points = values.chunks(width).enumerate().filter_map(|(index, chunk)| {
            let worst = chunk.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
            worst.is_finite().then(|| (across((index * width) as f64 + 0.5), scale.height(worst)))
        });
        polyline(&mut svg, colour, &points.collect::<Vec<_>>());
    }
    close(svg)
}

/// The nines of the last percentile that is drawn.
const NINES: f64 = 5.0;

/// The quantiles at which [`by_percentile`] draws, ascending.
pub fn quantiles() -> impl Iterator<Item = f64> {
    const STEPS: u32 = 250;
    (0..=STEPS).map(|step| 1.0 - 10_f64.powf(-NINES * f64::from(step) / f64::from(STEPS)))
}

/// Points (quantile, value) by percentile, on the scale of HdrHistogram's plotter: each nine takes the same room.
pub fn by_percentile(label: &str, lines: &[(&str, Vec<(f64, f64)>)]) -> Markup {
    let across = |quantile: f64| LEFT + (-(1.0 - quantile).log10()).min(NINES) / NINES * (WIDTH - LEFT);
    let scale = Scale::of(lines.iter().flat_map(|(_, points)| points).map(|(_, value)| *value), Scaling::Logarithmic);
    let mut svg = open(label);
    frame(&mut svg, &scale);
    for (quantile, told) in [(0.0, "0"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %")] {
        let (x, y) = (across(quantile), HEIGHT - 6.0);
        let _ = write!(svg, r#"<text x="{x:.1}" y="{y}" text-anchor="middle">{told}</text>"#);
    }
    for (colour, points) in lines {
        let points: Vec<_> = points.iter().map(|(at, value)| (across(*at), scale.height(*value))).collect();
        polyline(&mut svg, colour, &points);
    }
    close(svg)
}

/// A scale from values to heights.
struct Scale {
    low: f64,
    high: f64,
    scaling: Scaling,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64> + Clone, scaling: Scaling) -> Self {
        let high = values.clone().fold(0.0, f64::max);
        match scaling {
            Scaling::Linear => {
                let step = step(high);
                Self { low: 0.0, high: (high / step).ceil().max(1.0) * step, scaling }
            }
            Scaling::Logarithmic => {
                let low = values.filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
                let low = if low.is_finite() { 10_f64.powf(low.log10().floor()) } else { 0.1 };
                Self { low, high: 10_f64.powf(high.max(low * 10.0).log10().ceil()), scaling }
            }
        }
    }

    fn height(&self, value: f64) -> f64 {
        let share = match self.scaling {
            Scaling::Logarithmic => (value.max(self.low) / self.low).log10() / (self.high / self.low).log10(),
            Scaling::Linear => value / self.high,
        };
        HEIGHT - EDGE - share * (HEIGHT - 2.0 * EDGE)
    }

    fn marks(&self) -> Vec<f64> {
        match self.scaling {
            Scaling::Logarithmic => {
                let (first, last) = (self.low.log10().round() as i32, self.high.log10().round() as i32);
                (first..=last).map(|power| 10_f64.powi(power)).collect()
            }
            Scaling::Linear => {
                let step = step(self.high);
                (0..=MOST_STEPS).map(|mark| f64::from(mark) * step).take_while(|mark| *mark <= self.high).collect()
            }
        }
    }
}

/// The least of 1, 2 and 5 times a power of ten, counts being whole, of which at most [`MOST_STEPS`] reach so high.
fn step(high: f64) -> f64 {
    let least = (high / f64::from(MOST_STEPS)).max(1.0);
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|times| times * power).find(|step| *step >= least).unwrap_or(10.0 * power)
}

fn open(label: &str) -> String {
    let label = html! { (label) }.into_string();
    format!(r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">"#)
}

fn frame(svg: &mut String, scale: &Scale) {
    for mark in scale.marks() {
        let height = scale.height(mark);
        let told = if mark >= 10.0 || mark == 0.0 { format!("{mark:.0}") } else { format!("{mark}") };
        let _ = write!(svg, r#"<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{height:.1}" y2="{height:.1}"/>"#);
        let _ = write!(svg, r#"<text x="{}" y="{:.1}" text-anchor="end">{told}</text>"#, LEFT - 8.0, height + 4.0);
    }
}

fn polyline(svg: &mut String, colour: &str, points: &[(f64, f64)]) {
    if let [(x, y)] = points {
        let _ = write!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="2.5" fill="{colour}"/>"#);
    }
    let points = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ");
    let _ = write!(svg, r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>"#);
}

fn close(mut svg: String) -> Markup {
    svg.push_str("</svg>");
    PreEscaped(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_reach_over_the_highest_value() {
        let marks = |high: f64| Scale::of([high].into_iter(), Scaling::Linear).marks();
        assert_eq!(marks(25.0), [0.0, 5.0, 10.0, 15.0, 20.0, 25.0]);
        assert_eq!(marks(301.0), [0.0, 100.0, 200.0, 300.0, 400.0]);
        assert_eq!(marks(7.0), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(marks(0.0), [0.0, 1.0]);
    }
}
