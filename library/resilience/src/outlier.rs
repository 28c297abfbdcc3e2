//! Outlier ejection: an instance that does worse than the others gets no calls for a while, then gradually more.
//!
//! | sign | ejected when |
//! |---|---|
//! | failures in a row | `consecutive_failures` calls failed in a row; at once |
//! | success rate | in an interval it is below `mean - stdev_factor * stdev` of all instances' rates |
//! | latency | in an interval its mean is above `latency_factor` times the median of all instances' means |
//!
//! Each ejection is longer than the one before; each interval in service takes one back. No more than a share of all is ejected
//! at a time, and never the only one: where all do badly the callee is bad, and that is the breaker's business.
//!
//! Source: Envoy's outlier detection, and gRPC's after it (gRFC A50).

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::backoff::{Backoff, Jitter};
use crate::invalid::InvalidRules;
use crate::outcome::Outcome;
use crate::setters::setters;

/// Outlier ejection rules: when an instance is ejected, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct OutlierRules {
    /// Number of failures in a row that eject; 0 is never.
    pub consecutive_failures: u32,
    /// Interval after which success rates and latencies are compared.
    pub interval: Duration,
    /// An instance with fewer calls in the interval is not compared.
    pub minimum_calls: u32,
    /// Fewest instances for a comparison.
    pub minimum_instances: u32,
    /// Number of standard deviations below the mean at which a success rate ejects; none compares no rates.
    pub stdev_factor: Option<f64>,
    /// Multiple of the median latency at which a mean latency ejects; none compares no latencies.
    pub latency_factor: Option<f64>,
    /// A mean latency up to this is never too long.
    pub slow_from: Duration,
    /// The share of all instances that may be ejected at a time, 0 to 1. One of several always may.
    pub at_most: f64,
    /// Time of an ejection, which grows with each one.
    pub ejection: Backoff,
}

setters!(OutlierRules: set { consecutive_failures: u32, interval: Duration, minimum_calls: u32, minimum_instances: u32, slow_from: Duration, at_most: f64, ejection: Backoff } turn { stdev_factor: f64, latency_factor: f64 });

impl Default for OutlierRules {
    /// Envoy's numbers: five failures in a row; every 10 s, of five instances with a hundred calls each, below 1.9 standard
    /// deviations; a tenth of all at a time; up to 30 s, growing to 300 s. Latencies: three times the median, from 50 ms.
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            interval: Duration::from_secs(10),
            minimum_calls: 100,
            minimum_instances: 5,
            stdev_factor: Some(1.9),
            latency_factor: Some(3.0),
            slow_from: Duration::from_millis(50),
            at_most: 0.1,
            ejection: Backoff::new(Duration::from_secs(30), Duration::from_secs(300)).spread(Jitter::Equal),
        }
    }
}

impl OutlierRules {
    /// Checks the numbers.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        if self.interval.is_zero() {
            return Err(InvalidRules::OutlierInterval);
        }
        for (name, factor) in [("stdev", self.stdev_factor), ("latency", self.latency_factor)] {
            if factor.is_some_and(|factor| !factor.is_finite() || factor <= 0.0) {
                return Err(InvalidRules::OutlierFactor(name));
            }
        }
        if !(0.0..=1.0).contains(&self.at_most) {
            return Err(InvalidRules::OutlierShare(self.at_most));
        }
        Ok(())
    }

    /// Returns the most of `instances` that may be ejected at a time.
    pub fn max_ejected(&self, instances: usize) -> usize {
        let share = (instances as f64 * self.at_most) as usize;
        // One of several always may, but never all of them by rounding alone, and never the only one.
        share.max(1).min(instances.saturating_sub(usize::from(self.at_most < 1.0 || instances < 2)))
    }
}

/// Reason of an ejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Its calls failed, one after the other.
    FailuresInARow,
    /// Fewer of its calls succeed than of the others'.
    SuccessRate,
    /// Its calls take longer than the others'.
    Latency,
}

impl Sign {
    /// Returns the reason as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailuresInARow => "failures in a row",
            Self::SuccessRate => "success rate",
            Self::Latency => "latency",
        }
    }
}

/// Calls to an instance in an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Calls that succeeded.
    pub succeeded: u32,
    /// Calls that failed.
    pub failed: u32,
    /// Sum of the calls' durations.
    pub took: Duration,
}

impl Interval {
    fn calls(&self) -> u32 {
        self.succeeded.saturating_add(self.failed)
    }
}

/// Returns the outliers among these.
pub fn outliers(rules: &OutlierRules, intervals: &[Interval]) -> Vec<(usize, Sign)> {
    let busy = |interval: &Interval| interval.calls() >= rules.minimum_calls.max(1);
    let seen: Vec<(usize, &Interval)> = intervals.iter().enumerate().filter(|(_, interval)| busy(interval)).collect();
    if seen.len() < rules.minimum_instances.max(2) as usize {
        return Vec::new();
    }
    let rate = |interval: &Interval| f64::from(interval.succeeded) / f64::from(interval.calls());
    let mean = |interval: &Interval| interval.took.as_secs_f64() / f64::from(interval.calls());
    let lowest = rules.stdev_factor.map(|factor| {
        let rates: Vec<f64> = seen.iter().map(|(_, interval)| rate(interval)).collect();
        let average = rates.iter().sum::<f64>() / rates.len() as f64;
        let variance = rates.iter().map(|rate| (rate - average).powi(2)).sum::<f64>() / rates.len() as f64;
        average - factor * variance.sqrt()
    });
    let longest = rules.latency_factor.map(|factor| {
        let mut means: Vec<f64> = seen.iter().map(|(_, interval)| mean(interval)).collect();
        means.sort_by(f64::total_cmp);
        // The lower of the two in the middle, so that half of a pair cannot hide the other half.
        (factor * means[(means.len() - 1) / 2]).max(rules.slow_from.as_secs_f64())
    });
    seen.into_iter()
        .filter_map(|(index, interval)| {
            if lowest.is_some_and(|lowest| rate(interval) < lowest) {
                return Some((index, Sign::SuccessRate));
            }
            longest.is_some_and(|longest| mean(interval) > longest).then_some((index, Sign::Latency))
        })
        .collect()
}

/// Health of an instance. Times are nanoseconds since the creation of its owner.
#[derive(Debug, Default)]
pub struct Health {
    in_a_row: AtomicU32,
    succeeded: AtomicU32,
    failed: AtomicU32,
    micros: AtomicU64,
    /// Number of ejections, which sets the length of the next one.
    times: AtomicU32,
    /// End of its last ejection; 0 is never.
    until: AtomicU64,
}

impl Health {
    /// Returns true while it is ejected.
    pub fn ejected(&self, now: u64) -> bool {
        now < self.until.load(Ordering::Relaxed)
    }

    /// Returns the end of its last ejection, past or future; 0 if there was none.
    pub fn back(&self) -> u64 {
        self.until.load(Ordering::Relaxed)
    }

    /// A call that began at `begun` is over. True when it has failed often enough in a row to be ejected.
    pub fn seen(&self, rules: &OutlierRules, outcome: Outcome, took: Duration, begun: u64) -> bool {
        // What began before it came back says nothing about how it is since.
        if !outcome.counts() || begun < self.back() {
            return false;
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        if !outcome.is_failure() {
            self.succeeded.fetch_add(1, Ordering::Relaxed);
            if self.in_a_row.load(Ordering::Relaxed) != 0 {
                self.in_a_row.store(0, Ordering::Relaxed);
            }
            return false;
        }
        self.failed.fetch_add(1, Ordering::Relaxed);
        let in_a_row = self.in_a_row.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        rules.consecutive_failures > 0 && in_a_row >= rules.consecutive_failures
    }

    /// Ejects it; returns the end of the ejection.
    pub fn eject(&self, rules: &OutlierRules, now: u64) -> u64 {
        let times = self.times.fetch_add(1, Ordering::Relaxed);
        let wait = rules.ejection.wait(times).max(Duration::from_nanos(1));
        let until = now.saturating_add(crate::nanos::nanos(wait));
        self.until.store(until, Ordering::Relaxed);
        self.in_a_row.store(0, Ordering::Relaxed);
        until
    }

    /// Ends an interval and returns its counts. An interval in service makes the next ejection shorter again.
    pub fn end_interval(&self, now: u64) -> Interval {
        if !self.ejected(now) {
            let fewer = |times: u32| times.checked_sub(1);
            let _ = self.times.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        }
        Interval {
            succeeded: self.succeeded.swap(0, Ordering::Relaxed),
            failed: self.failed.swap(0, Ordering::Relaxed),
            took: Duration::from_micros(self.micros.swap(0, Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn rules() -> OutlierRules {
        let ejection = Backoff::new(Duration::from_secs(30), Duration::from_secs(300)).spread(Jitter::None);
        OutlierRules { ejection, ..OutlierRules::default() }
    }

    fn interval(succeeded: u32, failed: u32, millis: u32) -> Interval {
        Interval { succeeded, failed, took: Duration::from_millis(u64::from((succeeded + failed) * millis)) }
    }

    fn fail(health: &Health, times: u32, begun: u64) -> bool {
        (0..times).map(|_| health.seen(&rules(), Outcome::Failure, Duration::ZERO, begun)).last().unwrap()
    }

    #[test]
    fn the_fifth_failure_in_a_row_ejects_and_a_success_restarts_the_count() {
        let health = Health::default();
        assert!(!fail(&health, 4, 0));
        assert!(!health.seen(&rules(), Outcome::Success, Duration::ZERO, 0));
        assert!(!fail(&health, 4, 0));
        assert!(fail(&health, 1, 0));
    }

    #[test]
    fn outcomes_that_do_not_count_neither_extend_nor_end_a_row_of_failures() {
        let health = Health::default();
        fail(&health, 4, 0);
        assert!(!health.seen(&rules(), Outcome::Cancelled, Duration::ZERO, 0));
        assert!(!health.seen(&rules(), Outcome::NotCounted, Duration::ZERO, 0));
        assert!(health.seen(&rules(), Outcome::Overload { retry_after: None }, Duration::ZERO, 0));
    }

    #[test]
    fn each_ejection_is_longer_up_to_the_longest_and_intervals_in_service_make_it_shorter_again() {
        let health = Health::default();
        let ends: Vec<u64> = (0..6).map(|_| health.eject(&rules(), 0) / SECOND).collect();
        assert_eq!(ends, [30, 60, 120, 240, 300, 300]);
        assert!(health.ejected(299 * SECOND) && !health.ejected(300 * SECOND));
        health.end_interval(299 * SECOND);
        for _ in 0..6 {
            health.end_interval(300 * SECOND);
        }
        assert_eq!(health.eject(&rules(), 0) / SECOND, 30);
    }

    #[test]
    fn answers_to_calls_from_before_it_came_back_do_not_count() {
        let health = Health::default();
        let back = health.eject(&rules(), 0);
        assert!(!fail(&health, 100, back - 1));
        assert_eq!(health.end_interval(back), Interval::default());
        assert!(fail(&health, 5, back));
    }

    #[test]
    fn a_success_rate_below_the_mean_less_the_deviations_stands_out() {
        let mut intervals = vec![interval(200, 0, 1); 5];
        assert_eq!(outliers(&rules(), &intervals), []);
        // Rates 1, 1, 1, 1, 0.5: mean 0.9, deviation 0.2, lowest 0.52.
        intervals[2] = interval(100, 100, 1);
        assert_eq!(outliers(&rules(), &intervals), [(2, Sign::SuccessRate)]);
    }

    #[test]
    fn rates_are_not_compared_with_too_few_instances_or_calls() {
        let few = [vec![interval(200, 0, 1); 3], vec![interval(0, 200, 1)]].concat();
        assert_eq!(outliers(&rules(), &few), []);
        let idle = [vec![interval(200, 0, 1); 4], vec![interval(0, 99, 1)]].concat();
        assert_eq!(outliers(&rules(), &idle), []);
    }

    #[test]
    fn equally_bad_instances_have_no_outlier() {
        assert_eq!(outliers(&rules(), &[interval(0, 500, 900); 8]), []);
    }

    #[test]
    fn a_mean_latency_of_three_times_the_median_stands_out_once_it_is_slow_at_all() {
        let with = |millis| [vec![interval(200, 0, 20); 4], vec![interval(200, 0, millis)]].concat();
        assert_eq!(outliers(&rules(), &with(59)), []);
        assert_eq!(outliers(&rules(), &with(61)), [(4, Sign::Latency)]);
        let fast = [vec![interval(200, 0, 1); 4], vec![interval(200, 0, 49)]].concat();
        assert_eq!(outliers(&rules(), &fast), []);
    }

    #[test]
    fn one_of_several_may_be_ejected_but_never_the_only_one() {
        let max_ejected = |at_most, instances| OutlierRules { at_most, ..rules() }.max_ejected(instances);
        assert_eq!(
            [max_ejected(0.1, 0), max_ejected(0.1, 1), max_ejected(0.1, 2), max_ejected(0.1, 9), max_ejected(0.1, 20)],
            [0, 0, 1, 1, 2]
        );
        assert_eq!([max_ejected(1.0, 1), max_ejected(1.0, 3)], [0, 3]);
    }

    #[test]
    fn invalid_numbers_are_rejected() {
        assert_eq!(OutlierRules::default().check(), Ok(()));
        assert!(OutlierRules { at_most: 1.5, ..rules() }.check().unwrap_err().to_string().contains("1.5"));
        assert!(
            OutlierRules { stdev_factor: Some(f64::NAN), ..rules() }.check().unwrap_err().to_string().contains("stdev")
        );
        assert!(OutlierRules { interval: Duration::ZERO, ..rules() }.check().is_err());
    }

    proptest! {
        /// Checks that the instance with the best rate and the shortest latency is never among them.
        #[test]
        fn the_best_of_all_never_stands_out(rates in prop::collection::vec((0_u32..500, 0_u32..500, 0_u32..1000), 1..40)) {
            let mut intervals: Vec<Interval> = rates.into_iter().map(|(good, bad, ms)| interval(good, bad, ms)).collect();
            intervals.push(interval(1000, 0, 0));
            let best = intervals.len() - 1;
            prop_assert!(outliers(&rules(), &intervals).iter().all(|(index, _)| *index != best));
        }
    }
}
