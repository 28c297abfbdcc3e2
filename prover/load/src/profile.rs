//! The rate over time, and arrival times made from it.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::ChaCha12Rng;

/// The highest rate, in requests a second.
pub const MAX_RATE: f64 = 500_000.0;
/// The longest run.
pub const MAX_LENGTH: Duration = Duration::from_secs(4 * 3600);

/// The most stretches of a profile.
pub const MAX_STRETCHES: usize = 10_000;
/// The most arrivals of a replay.
pub const MAX_REPLAY: usize = 10_000_000;

/// Distribution of arrivals at a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrivals {
    /// At equal distances.
    #[default]
    Even,
    /// As independent users make them: a Poisson process.
    Poisson,
    /// Evenly, but gathered in bursts: those of so long a time come together at its beginning. Costs the generator less, as
    /// it wakes once a burst.
    Bursts(Duration),
}

/// The rate over time.
#[derive(Clone, Debug, PartialEq)]
pub enum Profile {
    /// Stretches, in each of which the rate changes evenly, in requests a second.
    Stretches(Vec<Stretch>),
    /// Arrivals at these offsets from the start, in order.
    Replay(Vec<Duration>),
}

/// A stretch of a profile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// Requests a second at its beginning.
    pub from: f64,
    /// Requests a second at its end.
    pub to: f64,
    /// The duration.
    pub lasts: Duration,
}

impl Profile {
    /// The same rate all the time.
    pub fn constant(rate: f64, lasts: Duration) -> Self {
        Self::Stretches(vec![Stretch { from: rate, to: rate, lasts }])
    }

    /// From one rate to another, evenly.
    pub fn ramp(from: f64, to: f64, lasts: Duration) -> Self {
        Self::Stretches(vec![Stretch { from, to, lasts }])
    }

    /// One rate after the other.
    pub fn steps(rates: &[f64], each: Duration) -> Self {
        Self::Stretches(rates.iter().map(|rate| Stretch { from: *rate, to: *rate, lasts: each }).collect())
    }

    /// A rate, a much higher one for a while in the middle, and the first one again: a third of the time each.
    pub fn spike(base: f64, peak: f64, lasts: Duration) -> Self {
        Self::steps(&[base, peak, base], lasts / 3)
    }

    /// Returns the duration.
    pub fn lasts(&self) -> Duration {
        match self {
            Self::Stretches(stretches) => stretches.iter().map(|stretch| stretch.lasts).sum(),
            Self::Replay(offsets) => offsets.last().copied().unwrap_or_default(),
        }
    }

    /// Returns the expected number of arrivals.
    pub fn arrivals(&self) -> f64 {
        match self {
            Self::Stretches(stretches) => stretches.iter().map(Stretch::arrivals).sum(),
            Self::Replay(offsets) => offsets.len() as f64,
        }
    }

    /// Reads offsets from the start, in seconds, one a line; what begins with `#` is no line.
    ///
    /// # Errors
    /// The first line that is no offset, or is before the line above it.
    pub fn replay(text: &str) -> Result<Self, String> {
        let mut offsets = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let number = number + 1;
            let seconds: f64 = line.parse().map_err(|_| format!("line {number}: {line:?} is no number of seconds"))?;
            let offset = Duration::try_from_secs_f64(seconds).map_err(|error| format!("line {number}: {error}"))?;
            if offsets.last().is_some_and(|before| offset < *before) {
                return Err(format!("line {number}: {line} is before the line above it: sort the file"));
            }
            offsets.push(offset);
        }
        Ok(Self::Replay(offsets))
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.lasts() > MAX_LENGTH {
            return Err(format!("a load of {:?}; the longest is {MAX_LENGTH:?}", self.lasts()));
        }
        match self {
            Self::Replay(offsets) if offsets.is_empty() || offsets.len() > MAX_REPLAY => {
                Err(format!("a replay of {} arrivals; it has 1 to {MAX_REPLAY}", offsets.len()))
            }
            Self::Replay(_) => Ok(()),
            Self::Stretches(stretches) if stretches.is_empty() || stretches.len() > MAX_STRETCHES => {
                Err(format!("a profile of {} stretches; it has 1 to {MAX_STRETCHES}", stretches.len()))
            }
            Self::Stretches(stretches) => {
                let rates = stretches.iter().flat_map(|stretch| [stretch.from, stretch.to]);
                match rates.into_iter().find(|rate| !(0.0..=MAX_RATE).contains(rate)) {
                    Some(rate) => Err(format!("{rate} requests a second; 0 to {MAX_RATE} are possible")),
                    None => Ok(()),
                }
            }
        }
    }

    /// Every arrival, as its offset from the start.
    pub fn schedule(&self, arrivals: Arrivals, luck: ChaCha12Rng) -> Schedule {
        Schedule {
            profile: self.clone(),
            arrivals,
            luck,
            next: 0,
            place: 0,
            begun: Duration::ZERO,
            owed: 0.0,
            passed: 0.0,
        }
    }
}

impl Stretch {
    fn arrivals(&self) -> f64 {
        (self.from + self.to) / 2.0 * self.lasts.as_secs_f64()
    }

    /// After how many seconds of it so many arrivals were due: the inverse of `from t + (to - from) t^2 / 2 lasts`.
    fn when(&self, arrivals: f64) -> f64 {
        let lasts = self.lasts.as_secs_f64();
        let slope = (self.to - self.from) / lasts;
        // The stable form of the quadratic's root, which is also right for a slope of zero.
        let root = (self.from * self.from + 2.0 * slope * arrivals).max(0.0).sqrt();
        let sum = self.from + root;
        if sum > 0.0 { (2.0 * arrivals / sum).min(lasts) } else { 0.0 }
    }
}

/// Arrivals, in order. A non-homogeneous Poisson process by rescaling time: in the time in which the expected number of
/// arrivals grows by one a second, it is a homogeneous one (Çinlar, "Introduction to Stochastic Processes", 1975).
#[derive(Debug)]
pub struct Schedule {
    profile: Profile,
    arrivals: Arrivals,
    luck: ChaCha12Rng,
    /// Of a replay.
    next: usize,
    /// The stretch.
    place: usize,
    /// The start of the stretch.
    begun: Duration,
    /// Expected arrivals until the next one.
    owed: f64,
    /// Expected arrivals of the stretches before.
    passed: f64,
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let Profile::Stretches(stretches) = &self.profile else {
            let Profile::Replay(offsets) = &self.profile else { return None };
            self.next += 1;
            return offsets.get(self.next - 1).copied();
        };
        while let Some(stretch) = stretches.get(self.place) {
            let inside = self.owed - self.passed;
            // A rounding error must not make one arrival more or less at the end.
            if inside < stretch.arrivals() - 1e-6 {
                let at = self.begun + Duration::from_secs_f64(stretch.when(inside));
                self.owed += match self.arrivals {
                    Arrivals::Even | Arrivals::Bursts(_) => 1.0,
                    // Inverse transform: -ln(U) of a U in (0, 1].
                    Arrivals::Poisson => -(1.0 - self.luck.random::<f64>()).ln(),
                };
                return Some(match self.arrivals {
                    Arrivals::Bursts(every) => beginning(at, every),
                    Arrivals::Even | Arrivals::Poisson => at,
                });
            }
            self.passed += stretch.arrivals();
            self.begun += stretch.lasts;
            self.place += 1;
        }
        None
    }
}

/// The beginning of the time of this length that a moment falls in.
fn beginning(at: Duration, every: Duration) -> Duration {
    let into = at.as_nanos().checked_rem(every.as_nanos()).unwrap_or(0);
    at.saturating_sub(Duration::from_nanos(u64::try_from(into).unwrap_or(0)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use keel_input::seed::Seed;

    const SECOND: Duration = Duration::from_secs(1);

    fn times(profile: &Profile, arrivals: Arrivals, seed: u64) -> Vec<Duration> {
        profile.schedule(arrivals, Seed(seed).generator("arrivals")).collect()
    }

    #[test]
    fn even_arrivals_are_at_equal_distances() {
        let times = times(&Profile::constant(4.0, SECOND), Arrivals::Even, 1);
        assert_eq!(times, [0, 250, 500, 750].map(Duration::from_millis));
    }

    #[test]
    fn bursts_gather_what_even_arrivals_would_be() {
        let times = times(&Profile::constant(8.0, SECOND), Arrivals::Bursts(SECOND / 2), 1);
        assert_eq!(times, [0, 0, 0, 0, 500, 500, 500, 500].map(Duration::from_millis));
    }

    #[test]
    fn a_spike_has_its_arrivals_in_the_middle() {
        let times = times(&Profile::spike(10.0, 100.0, 3 * SECOND), Arrivals::Even, 1);
        let within = |second: u64| times.iter().filter(|at| at.as_secs() == second).count();
        assert_eq!([within(0), within(1), within(2)], [10, 100, 10]);
    }

    #[test]
    fn a_replay_is_what_the_file_says() {
        let profile = Profile::replay("# offsets\n0\n0.5\n\n0.5\n2\n").unwrap();
        assert_eq!(times(&profile, Arrivals::Poisson, 1), [0, 500, 500, 2000].map(Duration::from_millis));
        assert!(Profile::replay("1\n0.5").unwrap_err().contains("line 2"));
        assert!(Profile::replay("soon").unwrap_err().contains("soon"));
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread_of_independent_users() {
        let times = times(&Profile::constant(1000.0, 20 * SECOND), Arrivals::Poisson, 7);
        let count = times.len() as f64;
        // Five standard deviations of a Poisson number.
        assert!((count - 20_000.0).abs() < 5.0 * 20_000.0_f64.sqrt(), "{count}");
        let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let variation = variance.sqrt() / mean;
        assert!((0.95..1.05).contains(&variation), "exponential gaps vary by their mean: {variation}");
    }

    fn stretch() -> impl Strategy<Value = Stretch> {
        (0.0..500.0, 0.0..500.0, 1_u64..3000).prop_map(|(from, to, lasts)| Stretch {
            from,
            to,
            lasts: Duration::from_millis(lasts),
        })
    }

    proptest! {
        #[test]
        fn a_schedule_is_in_order_within_its_length_and_has_the_number_that_the_rate_promises(
            stretches in prop::collection::vec(stretch(), 1..5), seed in any::<u64>(),
        ) {
            let profile = Profile::Stretches(stretches);
            let even = times(&profile, Arrivals::Even, seed);
            prop_assert!((even.len() as f64 - profile.arrivals()).abs() <= 1.0, "{} {}", even.len(), profile.arrivals());
            let bursts = times(&profile, Arrivals::Bursts(Duration::from_millis(7)), seed);
            prop_assert_eq!(bursts.len(), even.len());
            for schedule in [even, bursts, times(&profile, Arrivals::Poisson, seed)] {
                prop_assert!(schedule.is_sorted());
                prop_assert!(schedule.last().is_none_or(|last| *last <= profile.lasts()));
            }
            prop_assert_eq!(times(&profile, Arrivals::Poisson, seed), times(&profile, Arrivals::Poisson, seed));
        }

        #[test]
        fn arrivals_at_any_moment_match_the_ramp(
            from in 0.0..300.0, to in 0.0..300.0, share in 0.0..1.0,
        ) {
            let profile = Profile::ramp(from, to, 10 * SECOND);
            let moment = 10.0 * share;
            let expected = from * moment + (to - from) * moment * moment / 20.0;
            let arrived = times(&profile, Arrivals::Even, 1).iter().filter(|at| at.as_secs_f64() < moment).count();
            prop_assert!((arrived as f64 - expected).abs() <= 1.001, "{arrived} {expected}");
        }
    }
}
