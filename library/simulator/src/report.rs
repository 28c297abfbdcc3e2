//! Result of a simulation.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::workload::{Clients, Workload};

/// End of a request, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered,
    Refused,
    /// The client left before the end.
    Abandoned {
        admitted: bool,
    },
}

/// Counts of requests over a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that arrived.
    pub arrived: u64,
    /// Answers within the objective.
    pub good: u64,
    /// Answers after the objective.
    pub late: u64,
    /// Refusals.
    pub refused: u64,
    /// Requests of clients that left before the end.
    pub abandoned: u64,
}

/// Result of a simulation.
#[derive(Clone, Debug)]
pub struct Report {
    objective: f64,
    measured_from: f64,
    end: f64,
    /// Whole simulation.
    pub all: Counts,
    /// By kind of request, measured part only.
    pub kinds: Vec<Counts>,
    /// By second, from the start of the simulation.
    pub seconds: Vec<Counts>,
    /// By client and second of the kinds with one client and up to 64 clients: answers within the objective, and arrivals.
    pub clients: BTreeMap<(u64, usize), Counts>,
    by_client: Vec<bool>,
    latencies: Vec<f64>,
}

impl Report {
    pub(crate) fn new(workload: &Workload) -> Self {
        let few = |clients| !matches!(clients, Clients::Many(clients) if clients > 64);
        Self {
            objective: workload.objective.as_secs_f64(),
            measured_from: workload.measured_from.as_secs_f64(),
            end: workload.end.as_secs_f64(),
            all: Counts::default(),
            kinds: vec![Counts::default(); workload.kinds.len()],
            seconds: vec![Counts::default(); workload.end.as_secs_f64().ceil() as usize + 1],
            clients: BTreeMap::new(),
            by_client: workload.kinds.iter().map(|kind| few(kind.clients)).collect(),
            latencies: Vec::new(),
        }
    }

    pub(crate) fn arrived(&mut self, now: f64, kind: usize, client: u64) {
        self.count(now, kind, client, |counts| counts.arrived += 1);
    }

    pub(crate) fn ended(&mut self, now: f64, kind: usize, client: u64, outcome: Outcome, latency: f64) {
        let is_good = latency <= self.objective;
        self.count(now, kind, client, |counts| match outcome {
            Outcome::Answered if is_good => counts.good += 1,
            Outcome::Answered => counts.late += 1,
            Outcome::Refused => counts.refused += 1,
            Outcome::Abandoned { .. } => counts.abandoned += 1,
        });
        if now >= self.measured_from && matches!(outcome, Outcome::Answered | Outcome::Abandoned { admitted: true }) {
            self.latencies.push(latency);
        }
    }

    fn count(&mut self, now: f64, kind: usize, client: u64, add: impl Fn(&mut Counts)) {
        let second = (now as usize).min(self.seconds.len() - 1);
        add(&mut self.all);
        add(&mut self.seconds[second]);
        if now >= self.measured_from {
            add(&mut self.kinds[kind]);
        }
        if self.by_client[kind] {
            add(self.clients.entry((client, second)).or_default());
        }
    }

    /// Answers within the objective per second, in the measured part.
    pub fn goodput(&self) -> f64 {
        let good: u64 = self.kinds.iter().map(|kind| kind.good).sum();
        good as f64 / (self.end - self.measured_from).max(1e-9)
    }

    /// The given percentile, from 0 to 1, of the latency of admitted requests in the measured part; of those that clients have abandoned it is their
    /// patience. Zero when there were none.
    pub fn latency(&self, percentile: f64) -> Duration {
        let mut latencies = self.latencies.clone();
        latencies.sort_by(f64::total_cmp);
        let index = (percentile * latencies.len() as f64) as usize;
        let last = latencies.len().saturating_sub(1);
        Duration::from_secs_f64(latencies.get(index.min(last)).copied().unwrap_or(0.0))
    }

    /// Share of the requests of a kind that were answered within the objective, in the measured part.
    pub fn served(&self, kind: usize) -> f64 {
        let counts = self.kinds[kind];
        let ended = counts.good + counts.late + counts.refused + counts.abandoned;
        counts.good as f64 / (ended as f64).max(1.0)
    }

    /// Counts of the seconds from the first until before the second.
    pub fn between(&self, from: usize, until: usize) -> Counts {
        let seconds = self.seconds.iter().take(until).skip(from);
        seconds.fold(Counts::default(), |sum, second| Counts {
            arrived: sum.arrived + second.arrived,
            good: sum.good + second.good,
            late: sum.late + second.late,
            refused: sum.refused + second.refused,
            abandoned: sum.abandoned + second.abandoned,
        })
    }
}
