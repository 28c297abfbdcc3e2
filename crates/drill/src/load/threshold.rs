//! What a report is judged by: `p99<200ms`, `errors<1%`, `goodput>100/s`, `kind:transfer p95<50ms`.
//!
//! Metrics: `p50` to `p99.99`, `mean` and `max` (latency from the intended time), `errors` (the share that did not end as
//! expected), and of all kinds together `goodput` and `rate` (a second). Comparisons: `<`, `<=`, `>`, `>=`. Units: `us`, `ms`, `s`; `%`;
//! `/s` or none.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::report::{Report, milliseconds};

/// One bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    text: String,
    kind: Option<String>,
    metric: Metric,
    compare: Compare,
    bound: f64,
}

/// Seconds, shares, or a second.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Metric {
    Quantile(f64),
    Mean,
    Max,
    Errors,
    Goodput,
    Rate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
}

/// A threshold and what was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// As it was written.
    pub threshold: String,
    /// Whether it is met. What was not measured at all is not met.
    pub met: bool,
    /// What was measured, for people.
    pub measured: String,
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let told = |why: &str| {
            format!("{text:?}: {why}; a threshold is such as p99<200ms, errors<1%, goodput>100/s or kind:NAME p95<50ms")
        };
        let text = text.trim();
        let at = text.find(['<', '>']).ok_or_else(|| told("there is no < or >"))?;
        let (left, right) = text.split_at(at);
        let (compare, right) = match right.as_bytes() {
            [b'<', b'=', ..] => (Compare::LessOrEqual, &right[2..]),
            [b'>', b'=', ..] => (Compare::MoreOrEqual, &right[2..]),
            [b'<', ..] => (Compare::Less, &right[1..]),
            _ => (Compare::More, &right[1..]),
        };
        let (kind, name) = match left.trim().strip_prefix("kind:") {
            Some(rest) => {
                let (kind, name) =
                    rest.trim().rsplit_once(' ').ok_or_else(|| told("after kind:NAME comes a metric"))?;
                (Some(kind.trim().to_owned()), name)
            }
            None => (None, left.trim()),
        };
        let metric =
            metric(name).ok_or_else(|| told("p50 to p99.99, mean, max, errors, goodput and rate can be bound"))?;
        if kind.is_some() && matches!(metric, Metric::Goodput | Metric::Rate) {
            return Err(told("goodput and rate are of all kinds together"));
        }
        let right = right.trim();
        let split = right.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(right.len());
        let number: f64 = right[..split].parse().map_err(|_| told("there is no number"))?;
        let factor = match (metric, right[split..].trim()) {
            (Metric::Quantile(_) | Metric::Mean | Metric::Max, "us") => 1e-6,
            (Metric::Quantile(_) | Metric::Mean | Metric::Max, "ms") => 1e-3,
            (Metric::Quantile(_) | Metric::Mean | Metric::Max, "s") => 1.0,
            (Metric::Errors, "%") => 0.01,
            (Metric::Goodput | Metric::Rate, "/s" | "") => 1.0,
            (Metric::Errors, _) => return Err(told("errors are bound in %")),
            (Metric::Goodput | Metric::Rate, _) => return Err(told("rates are bound in /s")),
            _ => return Err(told("latencies are bound in us, ms or s")),
        };
        Ok(Self { text: text.to_owned(), kind, metric, compare, bound: number * factor })
    }
}

fn metric(name: &str) -> Option<Metric> {
    let quantile = |percent: f64| (percent > 0.0 && percent < 100.0).then_some(Metric::Quantile(percent / 100.0));
    match name {
        "mean" => Some(Metric::Mean),
        "max" => Some(Metric::Max),
        "errors" => Some(Metric::Errors),
        "goodput" => Some(Metric::Goodput),
        "rate" => Some(Metric::Rate),
        _ => name.strip_prefix('p')?.parse().ok().and_then(quantile),
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Threshold {
    /// The kind of request that it is about.
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// Judges a report.
    pub fn judge(&self, report: &Report) -> Judged {
        let summary = match &self.kind {
            None => Some(report.total()),
            Some(kind) => report.kind(kind),
        };
        let Some(summary) = summary.filter(|summary| summary.count() > 0) else {
            let measured = "nothing of it was sent".to_owned();
            return Judged { threshold: self.text.clone(), met: false, measured };
        };
        let latency = summary.latency();
        let seconds = |duration: Duration| (duration.as_secs_f64(), milliseconds(duration));
        let (value, measured) = match self.metric {
            Metric::Errors => (summary.errors(), format!("{:.3} %", summary.errors() * 100.0)),
            Metric::Goodput => (report.goodput(), format!("{:.1}/s", report.goodput())),
            Metric::Rate => (report.rate(), format!("{:.1}/s", report.rate())),
            _ if latency.count() == 0 => (f64::NAN, "no request has an outcome".to_owned()),
            Metric::Quantile(quantile) => seconds(latency.quantile(quantile)),
            Metric::Mean => seconds(latency.mean()),
            Metric::Max => seconds(latency.max()),
        };
        // Nothing compares with what is no number.
        let met = match self.compare {
            Compare::Less => value < self.bound,
            Compare::LessOrEqual => value <= self.bound,
            Compare::More => value > self.bound,
            Compare::MoreOrEqual => value >= self.bound,
        };
        Judged { threshold: self.text.clone(), met, measured }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_read() {
        let read = |text: &str| text.parse::<Threshold>().unwrap();
        let threshold = read("kind:pay out p99.9 <= 1.5 s");
        assert_eq!(threshold.kind(), Some("pay out"));
        assert_eq!(threshold.compare, Compare::LessOrEqual);
        assert!(matches!(threshold.metric, Metric::Quantile(quantile) if (quantile - 0.999).abs() < 1e-9));
        assert!((threshold.bound - 1.5).abs() < 1e-9);
        assert!((read("errors<1%").bound - 0.01).abs() < 1e-9);
        assert!((read("goodput>=100").bound - 100.0).abs() < 1e-9);
        assert!((read("mean<250us").bound - 250e-6).abs() < 1e-12);
    }

    #[test]
    fn a_mistake_is_told_with_what_is_right() {
        for (text, told) in [
            ("p99=200ms", "no <"),
            ("p99<200", "us, ms or s"),
            ("errors<0.01", "%"),
            ("p100<1s", "p50 to p99.99"),
            ("latency<1s", "p50 to p99.99"),
            ("p99<fast", "no number"),
            ("kind:x goodput>1", "all kinds"),
            ("kind:p99<1s", "comes a metric"),
        ] {
            let error = text.parse::<Threshold>().unwrap_err();
            assert!(error.contains(told) && error.contains(text), "{error}");
        }
    }
}
