//! A histogram of latencies.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::Value;

/// The quantiles of latencies in reports.
pub const QUANTILES: [f64; 6] = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999];

/// A histogram of durations, in microseconds to three digits.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        Self(histogram())
    }
}

impl Latencies {
    pub(super) fn record(&mut self, duration: Duration) {
        // It grows as it must; nothing that this machine lives to see is too long.
        let _ = self.0.record(microseconds(duration));
    }

    pub(super) fn add(&mut self, other: &Self) {
        // Fails only where the other one is longer than this may become, and this becomes as long as is needed.
        let _ = self.0.add(&other.0);
    }

    /// Returns the number of latencies.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Returns the number of latencies up to this bound, to three digits.
    pub fn within(&self, bound: Duration) -> u64 {
        self.0.count_between(0, microseconds(bound))
    }

    /// This share of them is within; nothing when there are none.
    pub fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(quantile))
    }

    /// The longest; nothing when there are none.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.0.max())
    }

    /// The mean; nothing when there are none.
    pub fn mean(&self) -> Duration {
        Duration::from_secs_f64(self.0.mean().max(0.0) / 1e6)
    }

    /// Points (quantile, milliseconds) for [`plot::by_percentile`](crate::plot::by_percentile), at these ascending quantiles. They
    /// end where there are too few values to say more.
    pub fn points(&self, quantiles: impl IntoIterator<Item = f64>) -> Vec<(f64, f64)> {
        let most = 1.0 - 1.0 / self.count().max(1) as f64;
        let point = |quantile: f64| (quantile, self.quantile(quantile).as_secs_f64() * 1e3);
        quantiles.into_iter().take_while(|quantile| *quantile <= most).map(point).collect()
    }

    /// The histogram, in microseconds.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.0
    }

    pub(super) fn json(&self) -> Value {
        if self.0.is_empty() {
            return Value::Null;
        }
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let mut fields: serde_json::Map<String, Value> =
            QUANTILES.iter().map(|quantile| (word(*quantile), milliseconds(self.quantile(*quantile)).into())).collect();
        fields.insert("mean".to_owned(), milliseconds(self.mean()).into());
        fields.insert("max".to_owned(), milliseconds(self.max()).into());
        Value::Object(fields)
    }
}

/// Microseconds, to three digits, however long.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are possible")
}

pub(super) fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// `p99.9` for 0.999.
pub(super) fn word(quantile: f64) -> String {
    let percent = (quantile * 100_000.0).round() / 1000.0;
    format!("p{percent}")
}
