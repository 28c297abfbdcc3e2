//! Lines of goodput as an SVG.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 300.0;
/// Room for the numbers at the left and below, and for the names at the right.
const LEFT: f64 = 46.0;
const BELOW: f64 = 34.0;
const RIGHT: f64 = 130.0;
const ABOVE: f64 = 26.0;
const COLOURS: [&str; 6] = ["#0b6e99", "#c2410c", "#4d7c0f", "#7c3aed", "#525252", "#be185d"];

/// One line: its name and its points.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Draws the lines. `ticks` are the marks of the lower axis with their places on it.
pub(crate) fn svg(title: &str, below: &str, ticks: &[(f64, String)], lines: &[Line]) -> String {
    let all = || lines.iter().flat_map(|line| &line.points);
    let highest = all().map(|point| point.1).fold(1.0, f64::max) * 1.05;
    let first = ticks.iter().map(|tick| tick.0).fold(f64::INFINITY, f64::min);
    let last = ticks.iter().map(|tick| tick.0).fold(f64::NEG_INFINITY, f64::max);
    let x = |at: f64| LEFT + (at - first) / (last - first).max(f64::EPSILON) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BELOW - value / highest * (HEIGHT - ABOVE - BELOW);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"11\">\n<rect \
         width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n<text x=\"{LEFT}\" y=\"16\" font-size=\"13\">{}</text>\n",
        escaped(title)
    );
    let marks = (0..=4).map(|quarter| f64::from(quarter) / 4.0 * (highest / 0.25).floor().max(1.0) * 0.25);
    for mark in marks {
        let at = y(mark);
        let _ = writeln!(
            text,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/><text x=\"{:.1}\" y=\"{:.1}\" \
             text-anchor=\"end\">{mark:.2}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0
        );
    }
    for (at, name) in ticks {
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x(*at),
            HEIGHT - BELOW + 15.0,
            escaped(name)
        );
    }
    let _ = writeln!(
        text,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 4.0,
        escaped(below)
    );
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let points: Vec<String> =
            line.points.iter().map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value))).collect();
        let _ = writeln!(
            text,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\" points=\"{}\"/>",
            points.join(" ")
        );
    }
    for (place, (line, colour)) in lines.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let at = ABOVE + 14.0 * (place as f64 + 1.0);
        let from = WIDTH - RIGHT + 8.0;
        let _ = writeln!(
            text,
            "<line x1=\"{from}\" x2=\"{}\" y1=\"{}\" y2=\"{}\" stroke=\"{colour}\" stroke-width=\"3\"/><text x=\"{}\" y=\"{}\">{}</text>",
            from + 16.0,
            at - 4.0,
            at - 4.0,
            from + 21.0,
            at,
            escaped(&line.name)
        );
    }
    text.push_str("</svg>\n");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_a_line_and_a_name_for_each_server() {
        let line = |name: &str, end: f64| Line { name: name.to_owned(), points: vec![(1.0, 0.9), (2.0, end)] };
        let text = svg(
            "CPU & I/O",
            "times the capacity",
            &[(1.0, "1x".into()), (2.0, "2x".into())],
            &[line("a", 0.1), line("b", 1.0)],
        );
        assert_eq!(text.matches("<polyline").count(), 2);
        assert!(text.contains("CPU &amp; I/O") && text.contains(">b</text>") && text.contains(">2x</text>"), "{text}");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}
