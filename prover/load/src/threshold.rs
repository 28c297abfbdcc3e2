//! Thresholds of a report: `p99<200ms`, `errors<1%`, `goodput>100/s`, `kind:transfer p95<50ms`, `outcome:5xx share<2%`.
//!
//! Metrics: `p50` to `p99.99`, `mean` and `max` (latency from the intended time), `errors` (the share that did not end as
//! expected), and of all kinds together `goodput` (within [`Plan::objective`](crate::Plan::objective)) and `rate` (a second). `outcome:WORD` narrows latencies to what ended so, in
//! the words of reports (`expected`, `5xx`, `timeout`, `refused`, ...); its `share` is of all. Comparisons: `<`, `<=`, `>`, `>=`.
//! Latencies are bound by a [`duration`], shares in `%`, rates in `/s` or without a unit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use keel_input::duration;

use crate::outcome::Outcome;
use crate::report::{Figures, milliseconds};

/// One bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    text: String,
    kind: Option<String>,
    outcome: Option<Outcome>,
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
    Share,
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
    /// True if the threshold is met. A metric without a measurement is not met.
    pub met: bool,
    /// The measured value, for people.
    pub measured: String,
    /// The number of requests behind it.
    pub of: u64,
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
        let (of, name) = left.trim().rsplit_once(' ').unwrap_or(("", left.trim()));
        let (of, outcome) = match of.rsplit_once("outcome:") {
            Some((of, word)) => {
                let outcome = Outcome::from_word(word.trim());
                (
                    of.trim(),
                    Some(outcome.ok_or_else(|| told("outcomes are expected, 4xx, 5xx, timeout, refused, ..."))?),
                )
            }
            None => (of.trim(), None),
        };
        let kind = match of.strip_prefix("kind:") {
            Some(kind) if !kind.trim().is_empty() => Some(kind.trim().to_owned()),
            None if of.is_empty() && !name.contains(':') => None,
            _ => return Err(told("before the metric may come kind:NAME and outcome:WORD")),
        };
        let metric = metric(name)
            .ok_or_else(|| told("p50 to p99.99, mean, max, errors, share, goodput and rate can be bound"))?;
        match metric {
            Metric::Goodput | Metric::Rate if kind.is_some() || outcome.is_some() => {
                return Err(told("goodput and rate are of all kinds together"));
            }
            Metric::Errors if outcome.is_some() => return Err(told("an outcome has a share and latencies")),
            Metric::Share if outcome.is_none() => {
                return Err(told("a share is of an outcome, as in outcome:5xx share"));
            }
            _ => {}
        }
        let right = right.trim();
        let split = right.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(right.len());
        let number: f64 = right[..split].parse().map_err(|_| told("there is no number"))?;
        let unit = right[split..].trim();
        let bound = match (metric, unit) {
            (Metric::Errors | Metric::Share, "%") => number * 0.01,
            (Metric::Errors | Metric::Share, _) => return Err(told("shares are bound in %")),
            (Metric::Goodput | Metric::Rate, "/s" | "") => number,
            (Metric::Goodput | Metric::Rate, _) => return Err(told("rates are bound in /s")),
            (Metric::Quantile(_) | Metric::Mean | Metric::Max, _) => {
                let latency = duration::parse(&format!("{}{unit}", &right[..split])).map_err(|why| told(&why))?;
                latency.as_secs_f64()
            }
        };
        Ok(Self { text: text.to_owned(), kind, outcome, metric, compare, bound })
    }
}

fn metric(name: &str) -> Option<Metric> {
    let quantile = |percent: f64| (percent > 0.0 && percent < 100.0).then_some(Metric::Quantile(percent / 100.0));
    match name {
        "mean" => Some(Metric::Mean),
        "max" => Some(Metric::Max),
        "errors" => Some(Metric::Errors),
        "share" => Some(Metric::Share),
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

    /// Judges what came back of a run ([`Report::figures`](super::Report::figures)) or of a part of it.
    pub fn judge(&self, figures: &Figures<'_>) -> Judged {
        let all = match &self.kind {
            None => Some(figures.total()),
            Some(kind) => figures.kind(kind),
        };
        let Some(all) = all.filter(|all| all.count() > 0) else {
            let measured = "nothing of it was sent".to_owned();
            return Judged { threshold: self.text.clone(), met: false, measured, of: 0 };
        };
        let (sent, errors) = (all.count(), all.errors());
        let summary = match self.outcome {
            None => all,
            Some(outcome) => all.only(outcome),
        };
        let of = if self.metric == Metric::Share { sent } else { summary.count() };
        let latency = summary.latency();
        let seconds = |duration: Duration| (duration.as_secs_f64(), milliseconds(duration));
        let percent = |share: f64| (share, format!("{:.3} %", share * 100.0));
        let (value, measured) = match self.metric {
            Metric::Errors => percent(errors),
            Metric::Share => percent(summary.count() as f64 / sent as f64),
            Metric::Goodput => (figures.goodput(), format!("{:.1}/s", figures.goodput())),
            Metric::Rate => (figures.rate(), format!("{:.1}/s", figures.rate())),
            _ if latency.count() == 0 => (f64::NAN, "no such request has an outcome".to_owned()),
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
        Judged { threshold: self.text.clone(), met, measured, of }
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
        assert!((read("max<1.5m").bound - 90.0).abs() < 1e-9);
        let threshold = read("kind:pay out outcome:5xx share<2%");
        assert_eq!((threshold.kind(), threshold.outcome), (Some("pay out"), Some(Outcome::Status(5))));
        assert_eq!(read("outcome:not-sent share<=0%").outcome, Some(Outcome::NotSent));
    }

    #[test]
    fn a_mistake_is_reported_with_the_correct_form() {
        for (text, told) in [
            ("p99=200ms", "no <"),
            ("p99<200", "\"200\" is no duration"),
            ("p99<0ms", "no time at all"),
            ("errors<0.01", "%"),
            ("p100<1s", "p50 to p99.99"),
            ("latency<1s", "p50 to p99.99"),
            ("p99<fast", "no number"),
            ("kind:x goodput>1", "all kinds"),
            ("kind:p99<1s", "before the metric"),
            ("kind: p99<1s", "before the metric"),
            ("transfer p99<1s", "before the metric"),
            ("outcome:soon p99<1s", "outcomes are"),
            ("outcome:5xx errors<1%", "share and latencies"),
            ("share<1%", "of an outcome"),
        ] {
            let error = text.parse::<Threshold>().unwrap_err();
            assert!(error.contains(told) && error.contains(text), "{error}");
        }
    }
}
