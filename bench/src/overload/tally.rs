//! Outcomes of the requests of one source.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::plan::OBJECTIVE;

/// Length of a slice of time, in milliseconds.
pub(crate) const SLICE: u64 = 100;

/// Outcomes while requests come.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) offered: u64,
    /// Latencies of the answers with status 200, in milliseconds.
    pub(crate) answered: Vec<f64>,
    pub(crate) refused: u64,
    pub(crate) given_up: u64,
    pub(crate) unsent: u64,
    pub(crate) failed: u64,
    pub(crate) opened: u64,
    /// Good answers to the requests of each slice of time, from the beginning of the run on.
    pub(crate) slices: Vec<u32>,
    /// The same of all requests.
    pub(crate) offered_slices: Vec<u32>,
}

/// Outcomes of a run.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Figures {
    pub(crate) name: String,
    pub(crate) offered: u64,
    pub(crate) good: u64,
    pub(crate) good_per_second: f64,
    pub(crate) answered: u64,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) refused: u64,
    pub(crate) given_up: u64,
    /// Not sent, as all connections of the client were busy.
    pub(crate) unsent: u64,
    pub(crate) failed: u64,
    /// Connections that were opened.
    pub(crate) opened: u64,
    pub(crate) slices: Vec<u32>,
    pub(crate) offered_slices: Vec<u32>,
}

/// Figures of all sources, and the longest time by which a request was sent late by the generator itself.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Outcome {
    pub(crate) sources: Vec<Figures>,
    pub(crate) late_ms: f64,
}

impl Tally {
    pub(crate) fn figures(&self, name: &str, counted: Duration) -> Figures {
        let mut latencies = self.answered.clone();
        latencies.sort_by(f64::total_cmp);
        let good = latencies.iter().filter(|latency| **latency <= OBJECTIVE.as_secs_f64() * 1e3).count() as u64;
        let p99 = latencies.get((latencies.len() * 99 / 100).min(latencies.len().saturating_sub(1)));
        Figures {
            name: name.to_owned(),
            offered: self.offered,
            good,
            good_per_second: good as f64 / counted.as_secs_f64(),
            answered: latencies.len() as u64,
            p99_ms: p99.copied(),
            refused: self.refused,
            given_up: self.given_up,
            unsent: self.unsent,
            failed: self.failed,
            opened: self.opened,
            slices: self.slices.clone(),
            offered_slices: self.offered_slices.clone(),
        }
    }
}

/// Adds one to the slice of this time.
pub(crate) fn count(slices: &mut Vec<u32>, at: Duration) {
    let place = usize::try_from(at.as_millis()).unwrap_or(0) / SLICE as usize;
    if slices.len() <= place {
        slices.resize(place + 1, 0);
    }
    slices[place] += 1;
}

impl Figures {
    /// The share of the requests that were answered in time.
    pub(crate) fn share(&self) -> f64 {
        self.good as f64 / (self.offered as f64).max(1.0)
    }

    /// Good answers a second to the requests of a part of the run.
    pub(crate) fn goodput(&self, from: Duration, to: Duration) -> f64 {
        sum(&self.slices, from, to) / (to - from).as_secs_f64()
    }

    /// The share of the requests of a part of the run that were answered in time.
    pub(crate) fn share_between(&self, from: Duration, to: Duration) -> f64 {
        sum(&self.slices, from, to) / sum(&self.offered_slices, from, to).max(1.0)
    }
}

fn sum(slices: &[u32], from: Duration, to: Duration) -> f64 {
    let place = |at: Duration| usize::try_from(at.as_millis()).unwrap_or(0) / SLICE as usize;
    let (from, to) = (place(from).min(slices.len()), place(to).min(slices.len()));
    slices[from..to].iter().map(|count| f64::from(*count)).sum()
}

impl Outcome {
    /// Good answers a second of all sources in the time that counts.
    pub(crate) fn good_per_second(&self) -> f64 {
        self.sources.iter().map(|source| source.good_per_second).sum()
    }

    /// The share of the requests that were answered in some way, refusals included.
    pub(crate) fn share_answered(&self) -> f64 {
        let sum = |of: fn(&Figures) -> u64| self.sources.iter().map(of).sum::<u64>() as f64;
        sum(|of| of.answered + of.refused) / sum(|of| of.offered).max(1.0)
    }

    /// The 99th percentile of the source that is slowest, in milliseconds.
    pub(crate) fn p99_ms(&self) -> Option<f64> {
        self.sources.iter().filter_map(|source| source.p99_ms).max_by(f64::total_cmp)
    }

    /// The figures of one source.
    pub(crate) fn of(&self, name: &str) -> Figures {
        self.sources.iter().find(|source| source.name == name).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goodput_of_a_part_counts_the_requests_that_were_sent_in_it() {
        let mut figures = Figures::default();
        for at in [0, 99, 100, 950, 1000, 1500] {
            count(&mut figures.slices, Duration::from_millis(at));
            count(&mut figures.offered_slices, Duration::from_millis(at));
        }
        count(&mut figures.offered_slices, Duration::from_millis(960));
        let second = Duration::from_secs(1);
        assert!((figures.goodput(Duration::ZERO, second) - 4.0).abs() < 1e-9);
        assert!((figures.goodput(second, 2 * second) - 2.0).abs() < 1e-9);
        assert!((figures.share_between(Duration::ZERO, second) - 0.8).abs() < 1e-9);
    }
}
