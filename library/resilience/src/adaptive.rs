//! Adaptive concurrency limit: finds the number of concurrent calls that a callee handles well.
//!
//! - **AIMD**: the limit grows by one for each round of successful calls while at least half of the permits were used, and shrinks by a share
//!   when one failed, once in a round (Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance in Computer
//!   Networks", Computer Networks and ISDN Systems 17, 1989).
//! - **Gradient**: the latency of calls is compared with a baseline, which is measured again now and then with a few calls at a time. A
//!   higher latency means that calls queue at the callee, and the limit shrinks (the gradient controller of Envoy's adaptive concurrency filter).
//!
//! Reading the limit is one atomic load. A sample that comes while another one is processed is dropped: there are more.

use std::time::Duration;

use tokio::time::Instant;

use crate::invalid::InvalidRules;
use crate::outcome::Outcome;
use crate::setters::setters;
use crate::sync::atomic::{AtomicU32, Ordering::Relaxed};
use crate::sync::{Mutex, PoisonError};

/// Concurrency while the baseline latency is measured, and the number of calls that are averaged.
const ALONE: u32 = 3;
const MEASURED: u32 = 50;
/// Number of windows after which an unfinished measurement is abandoned, if an earlier result exists.
const GIVEN_UP: u32 = 20;
/// Fewest calls of a window; a window with fewer goes on.
const FEWEST: u32 = 5;
/// Range of the gradient of a window.
const GRADIENT: std::ops::RangeInclusive<f64> = 0.5..=2.0;
/// Factor of the limit after a failure, for the algorithm that compares latencies.
const KEEPS: f64 = 0.9;
/// Measurements of callers that were started together are spread by up to this share of the pause.
const JITTER: f64 = 0.1;

/// Rules of the adaptive concurrency limit; its maximum is the bulkhead's permits.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct AdaptiveRules {
    /// Algorithm that raises and lowers the limit.
    pub algorithm: Algorithm,
    /// Calls that are always let through, at least 1.
    pub least: u32,
    /// Initial limit.
    pub first: u32,
}

setters!(AdaptiveRules: set { algorithm: Algorithm, least: u32, first: u32 } turn {});

/// Algorithm that raises and lowers the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Algorithm {
    /// Additive increase, multiplicative decrease.
    Aimd {
        /// Factor of the limit after a failure, between 0.5 and 1.
        keeps: f64,
        /// A call that takes longer is a failure here.
        slow_after: Duration,
    },
    /// Gradient of the latency.
    Gradient {
        /// Share by which the latency may exceed the baseline without a change.
        buffer: f64,
        /// Window over which calls are averaged, and after which the limit changes.
        window: Duration,
        /// Pause between measurements of the baseline latency.
        pause: Duration,
    },
}

impl AdaptiveRules {
    /// AIMD: nine tenths are kept after a failure, or a call that took longer than this.
    pub const fn aimd(slow_after: Duration) -> Self {
        Self { algorithm: Algorithm::Aimd { keeps: 0.9, slow_after }, least: 1, first: 20 }
    }

    /// Gradient: a quarter longer than alone is still well; windows of 100 ms, measured again every minute.
    pub const fn gradient() -> Self {
        let (window, pause) = (Duration::from_millis(100), Duration::from_secs(60));
        Self { algorithm: Algorithm::Gradient { buffer: 0.25, window, pause }, least: 1, first: 20 }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        if self.least == 0 || self.first < self.least {
            return Err(InvalidRules::AdaptiveStart { first: self.first, least: self.least });
        }
        match self.algorithm {
            Algorithm::Aimd { keeps, .. } if !(0.5..1.0).contains(&keeps) => Err(InvalidRules::AdaptiveKeeps(keeps)),
            Algorithm::Gradient { buffer, .. } if !(buffer >= 0.0 && buffer.is_finite()) => {
                Err(InvalidRules::AdaptiveBuffer(buffer))
            }
            Algorithm::Gradient { window, pause, .. } if window.is_zero() || pause < window => {
                Err(InvalidRules::AdaptiveTimes { window, pause })
            }
            _ => Ok(()),
        }
    }
}

/// One limit. Rules are given with each call, so that they can change while it lives.
#[derive(Debug)]
pub struct Adaptive {
    /// The limit, rounded down; 0 before the first call.
    whole: AtomicU32,
    found: Mutex<Found>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Found {
    limit: f64,
    /// Failures of calls that were begun before are those of a limit that has been taken back already.
    taken_back: Option<Instant>,
    gradient: Phase,
}

/// Phase of the latency measurement.
#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    /// No measurement yet.
    #[default]
    New,
    /// Measures the latency of calls without a queue, from calls begun since only a few are under way.
    Alone { begun: Instant, since: Instant, sum: Samples, earlier: Option<f64> },
    /// Compares the latency of calls with that baseline.
    Compared { alone: f64, until: Instant, window: Instant, sum: Samples },
}

/// Calls that are averaged.
#[derive(Clone, Copy, Debug, Default)]
struct Samples {
    count: u32,
    seconds: f64,
}

impl Samples {
    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.seconds += took.as_secs_f64();
    }

    /// Never 0, so that it can divide.
    fn mean(self) -> f64 {
        (self.seconds / f64::from(self.count.max(1))).max(1e-9)
    }
}

impl Default for Adaptive {
    fn default() -> Self {
        Self::new()
    }
}

impl Adaptive {
    /// Creates a limit without measurements: it is the rules' first.
    pub fn new() -> Self {
        Self { whole: AtomicU32::new(0), found: Mutex::new(Found::default()) }
    }

    /// Returns the current limit: at least the rules' least, at most `most`.
    pub fn limit(&self, rules: &AdaptiveRules, most: u32) -> u32 {
        let known = match self.whole.load(Relaxed) {
            0 => rules.first,
            known => known,
        };
        known.max(rules.least).min(most)
    }

    /// Learns from a call that was begun at `begun`, with the given number of calls under way at its end, itself included. Returns true when the
    /// limit has grown: waiting calls can have the new permits.
    pub fn learn(
        &self,
        rules: &AdaptiveRules,
        most: u32,
        outcome: Outcome,
        begun: Instant,
        now: Instant,
        in_flight: u32,
    ) -> bool {
        if !outcome.counts() {
            return false;
        }
        let mut found = match self.found.try_lock() {
            Ok(found) => found,
            Err(std::sync::TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(std::sync::TryLockError::WouldBlock) => return false,
        };
        let before = self.limit(rules, most);
        if found.limit < 1.0 {
            found.limit = f64::from(before);
        }
        if !matches!(rules.algorithm, Algorithm::Gradient { .. }) {
            found.gradient = Phase::New;
        }
        let took = now.saturating_duration_since(begun);
        match rules.algorithm {
            Algorithm::Aimd { keeps, slow_after } => {
                found.aimd(keeps, outcome.is_failure() || took > slow_after, begun, now, in_flight);
            }
            // What failed may have been fast: it says nothing about how long calls take.
            Algorithm::Gradient { .. } if outcome.is_failure() => found.aimd(KEEPS, true, begun, now, in_flight),
            Algorithm::Gradient { buffer, window, pause } => {
                let times = Times { begun, now, window, pause };
                found.gradient(buffer, times, in_flight, ALONE.max(rules.least));
            }
        }
        found.limit = found.limit.clamp(f64::from(rules.least), f64::from(most.max(rules.least)));
        let whole = match found.gradient {
            Phase::Alone { .. } => (found.limit as u32).min(ALONE.max(rules.least)),
            Phase::New | Phase::Compared { .. } => found.limit as u32,
        };
        self.whole.store(whole, Relaxed);
        self.limit(rules, most) > before
    }
}

impl Found {
    fn aimd(&mut self, keeps: f64, failed: bool, begun: Instant, now: Instant, in_flight: u32) {
        if failed {
            if self.taken_back.is_none_or(|at| begun >= at) {
                self.limit *= keeps;
                self.taken_back = Some(now);
            }
        } else if f64::from(in_flight) * 2.0 >= self.limit {
            // One more when as many calls as the limit have gone well.
            self.limit += 1.0 / self.limit;
        }
    }

    fn gradient(&mut self, buffer: f64, times: Times, in_flight: u32, few: u32) {
        let Times { begun, now, window: length, pause } = times;
        let took = now.saturating_duration_since(begun);
        let measure = |earlier| Phase::Alone { begun: now, since: now, sum: Samples::default(), earlier };
        let compare = |alone| {
            let until = now + pause.mul_f64(1.0 + JITTER * vitals::random_fraction());
            Phase::Compared { alone, until, window: now, sum: Samples::default() }
        };
        self.gradient = match self.gradient {
            Phase::New => measure(None),
            Phase::Alone { begun: first, earlier: Some(alone), .. } if now > first + length * GIVEN_UP => {
                compare(alone)
            }
            // Those that were let in before are still there, and what comes now waits for them.
            Phase::Alone { begun: first, earlier, .. } if in_flight > few => {
                Phase::Alone { begun: first, since: now, sum: Samples::default(), earlier }
            }
            Phase::Alone { begun: first, since, mut sum, earlier } => {
                if begun >= since {
                    sum.add(took);
                }
                if sum.count < MEASURED {
                    Phase::Alone { begun: first, since, sum, earlier }
                } else {
                    compare(sum.mean())
                }
            }
            Phase::Compared { until, alone, .. } if now >= until => measure(Some(alone)),
            Phase::Compared { alone, until, window, mut sum } => {
                if begun >= window {
                    sum.add(took);
                }
                if now.saturating_duration_since(window) < length || sum.count < FEWEST {
                    Phase::Compared { alone, until, window, sum }
                } else {
                    // What is not used says nothing about whether more would go well.
                    let most = if f64::from(in_flight) * 2.0 < self.limit { self.limit } else { f64::INFINITY };
                    let gradient = (alone * (1.0 + buffer) / sum.mean()).clamp(*GRADIENT.start(), *GRADIENT.end());
                    self.limit = (self.limit * gradient + self.limit.sqrt()).min(most);
                    Phase::Compared { alone, until, window: now, sum: Samples::default() }
                }
            }
        };
    }
}

/// Times of a call, and of its evaluation.
#[derive(Clone, Copy)]
struct Times {
    begun: Instant,
    now: Instant,
    window: Duration,
    pause: Duration,
}
