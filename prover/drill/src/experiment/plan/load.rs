//! The load of a drill, as its file writes it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use keel_input::{duration, rate};

/// The load on the service, open loop.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Load {
    /// Requests a second.
    #[serde(deserialize_with = "rate::deserialize")]
    pub rate: f64,
    /// Its duration, `for` in files (`lasts` in older ones).
    #[serde(rename = "for", alias = "lasts", deserialize_with = "duration::deserialize")]
    pub lasts: Duration,
    /// Requests by name, and their weights.
    pub mix: BTreeMap<String, u32>,
    /// The time within which an answer is good: goodput counts no later one. Without it every expected answer counts.
    #[serde(default, deserialize_with = "duration::optional")]
    pub objective: Option<Duration>,
    /// The time limit of an answer.
    #[serde(default = "patience", deserialize_with = "duration::deserialize")]
    pub timeout: Duration,
    /// The number of times that a request that failed is sent again at once, with its key.
    #[serde(default)]
    pub retries: u32,
    /// The most by which keel may be late to a request. When it is later to more than one in a hundred, nothing can be said of
    /// latencies and failures.
    #[serde(default = "allowed_lag", alias = "allowed_lag", deserialize_with = "duration::deserialize")]
    pub allowed_lag: Duration,
    /// The seed of the order of requests. Their keys are new in every run.
    #[serde(default = "seed")]
    pub seed: u64,
}

fn patience() -> Duration {
    Duration::from_secs(10)
}

/// A tenth of what people notice (Nielsen, "Response Times: The 3 Important Limits"), and latency counts from the intended time.
fn allowed_lag() -> Duration {
    Duration::from_millis(50)
}

fn seed() -> u64 {
    1
}
