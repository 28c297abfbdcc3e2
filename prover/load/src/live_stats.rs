//! The figures of a run while it goes on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use keel_input::credentials;

use crate::latencies::{Latencies, histogram, microseconds};
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::report::{Interval, Report, Row, Second, Validity, count};
use crate::watch::{Completed, Live, Watch};

/// The most seconds of which figures are kept one by one.
pub(super) const MAX_SECONDS: usize = 4 * 3600;
/// The share of requests that may leave late.
pub(super) const MAX_LATE: f64 = 0.01;

/// Gathers outcomes. One thread owns it.
pub(super) struct Recorder {
    begun: Instant,
    watch: Watch,
    rows: Vec<Vec<Row>>,
    allowed_lag: Duration,
    lag: Latencies,
    late: u64,
    left: u64,
    attempts: u64,
    broken: BTreeMap<&'static str, u64>,
    intended: u64,
    open: Open,
    seconds: Vec<Second>,
    intervals: Vec<Interval>,
    last_lag: Duration,
}

/// The second that is not over.
struct Open {
    number: u64,
    second: Second,
    latencies: Histogram<u64>,
}

impl Recorder {
    pub(super) fn new(plan: &Plan, watch: Watch, begun: Instant) -> Self {
        Self {
            begun,
            watch,
            rows: plan.kinds.iter().map(|_| Vec::new()).collect(),
            allowed_lag: plan.allowed_lag,
            lag: Latencies::default(),
            late: 0,
            left: 0,
            attempts: 0,
            broken: BTreeMap::new(),
            intended: 0,
            open: Open { number: 0, second: Second::default(), latencies: histogram() },
            seconds: Vec::new(),
            intervals: Vec::new(),
            last_lag: Duration::ZERO,
        }
    }

    /// The schedule has come to one more, which was due then. How late it comes to it is the generator's own fault: what
    /// waits for the server waits later.
    pub(super) fn intended(&mut self, due: Instant) {
        let lag = Instant::now().saturating_duration_since(due);
        self.intended += 1;
        self.open.second.intended += 1;
        self.lag.record(lag);
        self.late += u64::from(lag > self.allowed_lag);
        self.last_lag = lag;
    }

    /// A request has left.
    pub(super) fn left(&mut self) {
        self.left += 1;
    }

    pub(super) fn attempt(&mut self) {
        self.attempts += 1;
    }

    /// Counts an attempt whose bytes were no answer, for this reason.
    pub(super) fn broken(&mut self, why: &'static str) {
        *self.broken.entry(why).or_default() += 1;
    }

    /// A request is over.
    pub(super) fn done(&mut self, completed: &Completed<'_>) {
        let latency = completed.done.saturating_duration_since(completed.intended);
        let service = completed.done.saturating_duration_since(completed.sent);
        count(&mut self.rows[completed.kind], completed.outcome, latency, service);
        if completed.outcome != Outcome::NotSent {
            let _ = self.open.latencies.record(microseconds(latency));
        }
        self.open.second.done += 1;
        self.open.second.expected += u64::from(completed.outcome == Outcome::Expected);
        if let Some(observer) = &self.watch.observer {
            observer(completed);
        }
    }

    /// Time has passed: closes the seconds that are over.
    pub(super) fn tick(&mut self, now: Instant, waiting: u64) {
        let number = now.saturating_duration_since(self.begun).as_secs();
        while self.open.number < number {
            self.close(waiting);
        }
    }

    fn close(&mut self, waiting: u64) {
        let Open { number, second, latencies } = &mut self.open;
        let quantile = |quantile: f64| Duration::from_micros(latencies.value_at_quantile(quantile));
        let (p50, p99) = match latencies.is_empty() {
            true => (None, None),
            false => (Some(quantile(0.5)), Some(quantile(0.99))),
        };
        let max = (!latencies.is_empty()).then(|| Duration::from_micros(latencies.max()));
        let closed = Second { p50, p99, max, ..second.clone() };
        let live = Live {
            second: *number,
            done: closed.done,
            expected: closed.expected,
            p50,
            p99,
            waiting,
            lag: self.last_lag,
        };
        if let Some(watcher) = &self.watch.live {
            watcher.send_replace(live);
        }
        if self.seconds.len() < MAX_SECONDS {
            self.seconds.push(closed);
            self.intervals.push(Interval::encode(*number, latencies));
        }
        latencies.reset();
        *second = Second::default();
        *number += 1;
    }

    /// The run is over.
    pub(super) fn finish(mut self, plan: &Plan, now: Instant, ended_early: bool) -> Report {
        self.tick(now, 0);
        if self.open.second != Second::default() {
            self.close(0);
        }
        let took = now.saturating_duration_since(self.begun);
        let share = if self.intended == 0 { 0.0 } else { self.late as f64 / self.intended as f64 };
        let validity = match share > MAX_LATE {
            true => Validity::Behind { late: share, worst: self.lag.max() },
            false => Validity::Valid,
        };
        let kinds = plan.kinds.iter().map(|kind| kind.name.clone()).zip(self.rows).collect();
        Report {
            target: credentials::shown(&plan.target),
            seed: plan.seed.0,
            objective: plan.objective,
            planned: plan.profile.lasts(),
            took,
            intended: self.intended,
            sent: self.left,
            attempts: self.attempts,
            broken: self.broken.into_iter().collect(),
            kinds,
            lag: self.lag,
            allowed_lag: self.allowed_lag,
            seconds: self.seconds,
            intervals: self.intervals,
            validity,
            ended_early,
        }
    }
}
