//! A route: what is known about its latency, and its own limit, which is driven by its slow requests.

use super::occupancy::Occupancy;
use super::quantile::Quantile;
use super::rate::Rate;
use super::reason::Reason;

/// A request is slow from this share of the objective on.
const SLOW: f64 = 0.6;
/// Where the route is slow without load, twice its base is slow, up to this share.
const SLOW_MOST: f64 = 0.85;
/// Above this share of the objective, the latency without load makes the objective unreachable.
const UNREACHABLE: f64 = 0.8;
/// An unreachable objective is replaced by this many times the latency without load.
const REPLACED_BY: f64 = 2.0;
/// Requests of a window of the base.
const WINDOW: u32 = 10;
/// Share by which a window moves the base.
const BASE_STEP: f64 = 0.2;
/// Requests in time after which one slow request is forgiven, and the limit may grow.
const GOOD: u32 = 100;
/// Share of the limit that a cut keeps.
const KEPT: f64 = 0.7;
/// A limit above this is none.
const NO_LIMIT: f64 = 4096.0;

/// One route.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) name: std::sync::Arc<str>,
    objective: f64,
    cores: f64,
    pub(super) in_flight: Occupancy,
    pub(super) queued: u32,
    limit: Option<f64>,
    /// Latency without load, in seconds.
    base: Option<f64>,
    window: Window,
    /// Requests that were admitted before the last change of the limit teach nothing about it.
    epoch: f64,
    good: u32,
    h10: Quantile,
    h90: Quantile,
    answered: Rate,
    pub(super) refused: [u64; Reason::ALL.len()],
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    count: u32,
    sum: f64,
    /// Requests, and sum of latencies, of those without congestion.
    calm: (u32, f64),
}

/// End of a request of a route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) started: f64,
    /// Seconds from the arrival to the end, the wait in the gate's own queue excluded.
    pub(super) latency: f64,
    /// Seconds in flight.
    pub(super) handled: f64,
    pub(super) cancelled: bool,
    /// There was congestion between the arrival and the end.
    pub(super) congested: bool,
}

impl Route {
    pub(super) fn new(name: &str, objective: f64, cores: f64) -> Self {
        Self {
            name: name.into(),
            objective,
            cores,
            in_flight: Occupancy::new(objective),
            queued: 0,
            limit: None,
            base: None,
            window: Window::default(),
            epoch: 0.0,
            good: 0,
            h10: Quantile::new(0.1),
            h90: Quantile::new(0.9),
            answered: Rate::default(),
            refused: [0; Reason::ALL.len()],
        }
    }

    /// Declared objective, in seconds.
    pub(super) const fn declared(&self) -> f64 {
        self.objective
    }

    /// True where an idle service already takes longer than the objective allows.
    pub(super) fn is_unreachable(&self) -> bool {
        self.base.is_some_and(|base| base > UNREACHABLE * self.objective)
    }

    /// Objective in seconds: the declared one, or what replaces it while that is unreachable.
    pub(super) fn objective(&self) -> f64 {
        match self.base {
            Some(base) if base > UNREACHABLE * self.objective => REPLACED_BY * base,
            _ => self.objective,
        }
    }

    pub(super) const fn limit(&self) -> Option<f64> {
        self.limit
    }

    pub(super) const fn base(&self) -> Option<f64> {
        self.base
    }

    pub(super) const fn h90(&self) -> f64 {
        self.h90.get()
    }

    pub(super) fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| f64::from(self.in_flight.counted()) + 1.0 > limit)
    }

    /// True when a request of this age would hardly be answered within the objective.
    pub(super) fn is_hopeless(&self, age: f64) -> bool {
        age + self.h90.get() > 0.9 * self.objective()
    }

    /// Answers per second.
    pub(super) fn rate(&self, now: f64) -> f64 {
        self.answered.get(now)
    }

    /// Share of the work of this route, for blame.
    pub(super) fn work(&self, now: f64) -> f64 {
        self.answered.get(now) * self.h10.get()
    }

    /// Learns from a request. Returns true when it was slow and a route has to be blamed.
    pub(super) fn sample(&mut self, now: f64, sample: Sample) -> bool {
        self.h10.add(sample.handled);
        self.h90.add(sample.handled);
        if !sample.cancelled {
            self.answered.add(now);
        }
        let objective = self.objective();
        let base = self.base.unwrap_or(0.0);
        let is_slow =
            sample.cancelled || sample.latency > (SLOW * objective).max((2.0 * base).min(SLOW_MOST * objective));
        self.learn_base(sample);
        if !is_slow {
            self.good = self.good.saturating_add(1);
            self.grow(now);
            return false;
        }
        if !sample.congested || sample.started < self.epoch {
            return false;
        }
        let forgiven = self.good >= GOOD;
        self.good = 0;
        !forgiven
    }

    /// Cuts the limit, once for all requests that were admitted before the last change.
    pub(super) fn blame(&mut self, now: f64, started: f64) {
        if started < self.epoch {
            return;
        }
        let in_flight = f64::from(self.in_flight.counted());
        let least = self.cores.max(self.rate(now) * self.base.unwrap_or(0.0) + 1.0);
        self.limit = Some((KEPT * self.limit.unwrap_or(f64::INFINITY).min(in_flight)).max(least));
        (self.epoch, self.good) = (now, 0);
    }

    /// Widens the limit after a time without congestion.
    pub(super) fn relax(&mut self) {
        self.limit = self.limit.map(|limit| 2.0 * limit).filter(|limit| *limit < NO_LIMIT);
    }

    /// Takes the measured latency as that without load: a lower limit has not shortened it.
    pub(super) fn raise_base(&mut self) {
        let Window { count, sum, .. } = self.window;
        if count > 0 {
            self.base = Some(self.base.unwrap_or(0.0).max(sum / f64::from(count)));
        }
    }

    fn grow(&mut self, now: f64) {
        let Some(limit) = self.limit else { return };
        if f64::from(self.good) < (2.0 * limit).max(f64::from(GOOD)) {
            return;
        }
        self.good = 0;
        // Only where the limit was used.
        if self.queued > 0 || f64::from(self.in_flight.counted()) + 2.0 > limit {
            self.limit = Some(limit + (0.1 * limit).max(1.0)).filter(|limit| *limit < NO_LIMIT);
            self.epoch = now;
        }
    }

    fn learn_base(&mut self, sample: Sample) {
        let window = &mut self.window;
        window.count += 1;
        window.sum += sample.latency;
        if !sample.congested {
            window.calm.0 += 1;
            window.calm.1 += sample.latency;
        }
        if window.calm.0 >= WINDOW {
            let mean = window.calm.1 / f64::from(window.calm.0);
            self.base = Some(self.base.map_or(mean, |base| base + BASE_STEP * (mean - base)));
            *window = Window::default();
        } else if window.count >= 2 * WINDOW {
            let mean = window.sum / f64::from(window.count);
            self.base = self.base.map(|base| base + BASE_STEP * (mean - base).min(0.0));
            *window = Window::default();
        }
    }
}
