//! Ticker for periodic work: the first tick is spread over a period, each later one has jitter.
//!
//! Without jitter, processes that start together stay in step for ever, and a fleet after a restart sends its requests to its dependencies all
//! at once (Floyd and Jacobson, "The synchronization of periodic routing messages", IEEE/ACM Transactions on Networking 2(2), 1994). The jitter
//! is about a fixed grid, so that it does not add up: `n` ticks take `n` periods.

use std::time::Duration;

use crate::invalid::InvalidRules;
use crate::setters::setters;
use tokio::time::Instant;

/// The largest share: a tick at most half a period early or late, so that ticks keep their order.
pub const MAX_JITTER: f64 = 0.5;
/// The longest period.
pub const MAX_PERIOD: Duration = Duration::from_secs(60 * 60 * 24 * 366);

/// Ticker rules: a period and its jitter.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TickerRules {
    /// Period of the ticks, on average; at most [`MAX_PERIOD`].
    pub period: Duration,
    /// Jitter as a share of the period, 0 to [`MAX_JITTER`].
    pub jitter: f64,
    /// Time of the first tick.
    pub first: First,
}

setters!(TickerRules: set { period: Duration, jitter: f64, first: First } turn {});

/// Time of a ticker's first tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum First {
    /// Within a period, at a random moment.
    #[default]
    AtRandom,
    /// A whole period after the start: in step with everything that was started at the same time.
    AfterAPeriod,
}

impl TickerRules {
    /// Each period, a tenth of it early or late.
    pub const fn every(period: Duration) -> Self {
        Self { period, jitter: 0.1, first: First::AtRandom }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        if self.period.is_zero() || self.period > MAX_PERIOD {
            return Err(InvalidRules::TickerPeriod(self.period));
        }
        if !(0.0..=MAX_JITTER).contains(&self.jitter) {
            return Err(InvalidRules::TickerJitter { jitter: self.jitter, most: MAX_JITTER });
        }
        Ok(())
    }
}

impl Default for TickerRules {
    /// Each second, a tenth of it early or late.
    fn default() -> Self {
        Self::every(Duration::from_secs(1))
    }
}

/// A tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Scheduled time.
    pub due: Instant,
    /// Number of ticks skipped before it, because no one waited.
    pub missed: u64,
}

/// Ticks. One for each thing that is periodic.
#[derive(Debug)]
pub struct Ticker {
    rules: TickerRules,
    /// The place on the grid of the tick that comes next.
    grid: Instant,
    due: Instant,
}

impl Ticker {
    /// Creates a ticker. Its first tick comes within a period from now, at a random moment by default.
    ///
    /// # Panics
    /// When the rules do not pass their check.
    pub fn new(rules: TickerRules, now: Instant) -> Self {
        if let Err(wrong) = rules.check() {
            panic!("{wrong}");
        }
        let first = match rules.first {
            First::AtRandom => now + rules.period.mul_f64(vitals::random_fraction()),
            First::AfterAPeriod => now + rules.period,
        };
        Self { rules, grid: first, due: first }
    }

    /// Waits for the next tick. Missed ticks are skipped and counted, never made up for. Cancel-safe: a dropped wait takes no tick.
    pub async fn tick(&mut self) -> Tick {
        tokio::time::sleep_until(self.due).await;
        self.take(Instant::now())
    }

    /// Returns the time of the next tick.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Takes the tick that is due, at `now`, which is not before it, and finds the next one.
    pub fn take(&mut self, now: Instant) -> Tick {
        let period = self.rules.period;
        // Whole periods that have passed since this tick's place: all but the last of them were missed.
        let late = now.saturating_duration_since(self.grid).as_nanos() / period.as_nanos();
        let missed = u64::try_from(late).unwrap_or(u64::MAX);
        let due = self.grid + times(period, late);
        self.grid = due + period;
        self.due = self.jittered();
        if self.due <= now {
            // An early one in a place that is still to come.
            self.due = self.grid.max(now);
        }
        Tick { due, missed }
    }

    /// Other rules from the next tick on.
    ///
    /// # Errors
    /// Invalid rules ([`TickerRules::check`]); nothing has changed then.
    pub fn set(&mut self, rules: TickerRules, now: Instant) -> Result<(), InvalidRules> {
        rules.check()?;
        if rules != self.rules {
            *self = Self::new(rules, now);
        }
        Ok(())
    }

    fn jittered(&self) -> Instant {
        let most = self.rules.period.mul_f64(self.rules.jitter);
        self.grid - most + most.mul_f64(2.0 * vitals::random_fraction())
    }
}

/// Multiplies a period; a result beyond all clocks is one period.
fn times(period: Duration, times: u128) -> Duration {
    let nanos = period.as_nanos().saturating_mul(times);
    u64::try_from(nanos).map_or(period, Duration::from_nanos)
}
