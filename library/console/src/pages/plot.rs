//! Small plots of past values, as SVG.

use std::fmt::Write;

use maud::{Markup, html};
use vitals::Unit;

use super::cells::number;

const WIDTH: f32 = 240.0;
const HEIGHT: f32 = 56.0;

/// A plot: its title, and its values, the newest first.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) title: &'static str,
    pub(super) unit: Unit,
    pub(super) values: Vec<f32>,
    /// The time that the values are of, such as "last hour".
    pub(super) span: &'static str,
}

impl Plot {
    pub(super) fn markup(&self) -> Markup {
        let most = self.values.iter().copied().fold(0.0, f32::max);
        let said = |value: f32| number(f64::from(value), self.unit);
        let now = self.values.first().copied().unwrap_or_default();
        let label = format!("{}, {}: now {}, at most {}", self.title, self.span, said(now), said(most));
        let line = self.line(most);
        html! {
            figure {
                figcaption { (self.title) " " strong { (said(now)) } }
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(label) preserveAspectRatio="none" {
                    @if !line.is_empty() {
                        polygon points={ "0," (HEIGHT) " " (line) " " (WIDTH) "," (HEIGHT) } {}
                        polyline points=(line) {}
                    }
                }
                span.soft { (self.span) ", at most " (said(most)) }
            }
        }
    }

    /// The points of the line, the oldest first.
    fn line(&self, most: f32) -> String {
        let steps = self.values.len().saturating_sub(1).max(1) as f32;
        let mut line = String::new();
        for (at, value) in self.values.iter().rev().enumerate() {
            let x = at as f32 / steps * WIDTH;
            let y = HEIGHT - 2.0 - if most > 0.0 { value.max(0.0) / most * (HEIGHT - 6.0) } else { 0.0 };
            let gap = if line.is_empty() { "" } else { " " };
            let _ = write!(line, "{gap}{x:.1},{y:.1}");
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_value_is_on_the_left_and_the_largest_at_the_top() {
        let plot = Plot { title: "Requests", unit: Unit::None, values: vec![10.0, 5.0, 0.0], span: "last hour" };
        assert_eq!(plot.line(10.0), "0.0,54.0 120.0,29.0 240.0,4.0");
        let html = plot.markup().into_string();
        assert!(html.contains("now 10, at most 10"), "{html}");
    }

    #[test]
    fn a_plot_without_values_has_no_line() {
        let plot = Plot { title: "Requests", unit: Unit::None, values: Vec::new(), span: "last hour" };
        assert!(!plot.markup().into_string().contains("polyline"));
    }
}
