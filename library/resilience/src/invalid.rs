//! Errors of invalid rules, with the valid range.

use std::sync::Arc;
use std::time::Duration;

/// Error of rules that make no sense, with the value and the valid range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of a variant names its fields")]
pub enum InvalidRules {
    /// [`RetryRules::attempts`](crate::retry::RetryRules::attempts) is 0, or too many.
    #[error("{attempts} attempts; 1 to {most} are possible, the first one included")]
    Attempts { attempts: u32, most: u32 },
    /// [`BudgetRules::ratio`](crate::budget::BudgetRules::ratio) is no share.
    #[error("a retry budget's ratio of {0}; it is 0 to 1 repeats a success")]
    BudgetRatio(f64),
    /// [`BudgetRules::floor`](crate::budget::BudgetRules::floor) is no rate.
    #[error("a retry budget's floor of {0}; it is 0 to 1,000,000 repeats a second")]
    BudgetFloor(f64),
    /// [`HedgeRules::percentile`](crate::hedge::HedgeRules::percentile) is out of its bounds.
    #[error("hedging after the percentile {0}; 0.5 to 0.999 are possible")]
    HedgePercentile(f64),
    /// A rate limit lets nothing through.
    #[error("a rate limit whose rate or burst is 0 lets nothing through: at least 1 is needed")]
    RateOfNothing,
    /// [`RateRules::per`](crate::rate_limit::RateRules::per) is too short.
    #[error("{rate} in {per:?} is finer than one a nanosecond: name a longer time")]
    RateTooFine { rate: u32, per: Duration },
    /// [`RateRules::per`](crate::rate_limit::RateRules::per) is too long.
    #[error("a rate over {0:?}; a year is the longest")]
    RateTooLong(Duration),
    /// A bulkhead lets nothing through.
    #[error("a bulkhead without permits lets nothing through: at least 1 is needed")]
    NoPermits,
    /// A queue, of a bulkhead or of a pool, is too long.
    #[error("a queue of {queue}; at most {most} can wait")]
    Queue { queue: u32, most: u32 },
    /// [`AdaptiveRules`](crate::AdaptiveRules): the limit begins below its least, or lets nothing through.
    #[error("an adaptive limit from {first} of at least {least}: it begins at the least or above, and lets 1 through")]
    AdaptiveStart { first: u32, least: u32 },
    /// [`Algorithm::Aimd`](crate::adaptive::Algorithm::Aimd) keeps too much or too little.
    #[error("{0} of the limit is kept after a failure; a share from 0.5 to below 1 is possible")]
    AdaptiveKeeps(f64),
    /// [`Algorithm::Gradient`](crate::adaptive::Algorithm::Gradient): the buffer is no share.
    #[error("a buffer of {0}; a share of at least 0 is possible")]
    AdaptiveBuffer(f64),
    /// [`Algorithm::Gradient`](crate::adaptive::Algorithm::Gradient): the times do not fit.
    #[error("windows of {window:?} and a pause of {pause:?}; a window takes time, and the pause is longer")]
    AdaptiveTimes { window: Duration, pause: Duration },
    /// An adaptive limit has no bulkhead to limit.
    #[error("an adaptive limit without a bulkhead limits nothing: give the rules one")]
    AdaptiveAlone,
    /// A rate of [`BreakerRules`](crate::breaker::BreakerRules) is no share.
    #[error("a {name} rate of {rate}; it is a share above 0, and above 1 is never reached")]
    BreakerRate { name: &'static str, rate: f64 },
    /// [`BreakerRules::minimum_calls`](crate::breaker::BreakerRules::minimum_calls) is 0.
    #[error("a breaker needs at least 1 call to judge by: set minimum_calls")]
    BreakerMinimum,
    /// The window of a breaker never holds the calls from which on it judges.
    #[error("rates count from {minimum} calls, but the window has only {calls}: lower minimum_calls")]
    BreakerNeverJudges { minimum: u32, calls: u32 },
    /// [`BreakerRules::probes`](crate::breaker::BreakerRules::probes) is 0.
    #[error("a breaker without probes never closes again: 1 to 255 are possible")]
    NoProbes,
    /// A window of calls is too short or too long.
    #[error("a window of {calls} calls; 1 to {most} are possible")]
    WindowCalls { calls: u32, most: u32 },
    /// A window of time is too short or too long.
    #[error("a window of {0:?}; 10 ms to an hour are possible")]
    WindowTime(Duration),
    /// [`ThrottleRules::k`](crate::throttle::ThrottleRules::k) is out of its bounds.
    #[error("a throttle's k of {0}; below 1 it refuses accepted calls, above 1000 none")]
    ThrottleK(f64),
    /// [`ThrottleRules::most`](crate::throttle::ThrottleRules::most) is no share.
    #[error("a throttle that refuses at most {0}; it is a share of 0 to 1")]
    ThrottleMost(f64),
    /// [`TimeoutRules::share`](crate::policy::TimeoutRules::share) is no share.
    #[error("a timeout of {0} of the remaining time; a share is above 0 and at most 1")]
    TimeoutShare(f64),
    /// Too many groups of callers.
    #[error("{groups} groups of callers; at most {most} are possible")]
    Groups { groups: usize, most: usize },
    /// A group of callers has no name, or that of another one.
    #[error("the group {0:?}: each needs a name of its own")]
    GroupName(Arc<str>),
    /// A group of callers leaves the others nothing.
    #[error("the group {name:?} may take {permits} of {all} permits: leave some to the others")]
    GroupTakesAll { name: Arc<str>, permits: u32, all: u32 },
    /// The bulkhead of a group of callers makes no sense.
    #[error("the group {name:?}: {source}")]
    Group { name: Arc<str>, source: Box<InvalidRules> },
    /// An answer of no age is never stale.
    #[error("an age limit of 0 allows no stale answer: set one above 0")]
    StaleAge,
    /// [`Chooser::Hashed`](crate::balance::Chooser::Hashed) has a bound below the mean.
    #[error("a bound of {0} times the mean load; below 1 no instance could take the last call")]
    HashBound(f64),
    /// [`Chooser::PeakEwma`](crate::balance::Chooser::PeakEwma) has no time to decay.
    #[error("latencies that decay in 0 s are never known: 10 s is usual")]
    EwmaDecay,
    /// [`ZoneRules::reserve`](crate::balance::ZoneRules::reserve) is below 1.
    #[error("a zone's reserve of {0}; it is 1 or more, 1.4 is usual")]
    ZoneReserve(f64),
    /// A slow start begins with no share.
    #[error("a slow start from {0} of the part; it is above 0 and at most 1")]
    SlowStart(f64),
    /// A subset is empty.
    #[error("a subset of 0 instances can take no call")]
    EmptySubset,
    /// [`BalanceRules::panic_below`](crate::balance::BalanceRules::panic_below) is no share.
    #[error("panic below {0}; it is a share, 0 to 1")]
    PanicBelow(f64),
    /// Too many instances.
    #[error("{instances} instances; {most} are possible")]
    Instances { instances: usize, most: usize },
    /// An instance has a weight that is none.
    #[error("an instance of weight {weight}; 1 to {most} are possible")]
    Weight { weight: u32, most: u32 },
    /// Outliers are compared without a pause.
    #[error("outliers compared every 0 s: set an interval, such as 10 s")]
    OutlierInterval,
    /// A factor by which outliers are found is none.
    #[error("an outlier's {0} factor is a number above 0, or none")]
    OutlierFactor(&'static str),
    /// [`OutlierRules::at_most`](crate::outlier::OutlierRules::at_most) is no share.
    #[error("{0} of all instances ejected at most; it is a share, 0 to 1")]
    OutlierShare(f64),
    /// A pool has no threads, or too many.
    #[error("{threads} threads; a pool has 1 to {most}")]
    Threads { threads: u32, most: u32 },
    /// An objective of [`admission`](crate::admission) is too short or too long.
    #[error("an objective of {objective:?}; 1 ms to {most:?} are possible")]
    Objective { objective: Duration, most: Duration },
    /// [`TickerRules::period`](crate::ticker::TickerRules::period) is none.
    #[error("a ticker's period of {0:?}; it is above 0 and at most a year")]
    TickerPeriod(Duration),
    /// [`TickerRules::jitter`](crate::ticker::TickerRules::jitter) is out of its bounds.
    #[error("a ticker's jitter of {jitter}; it is a share of the period, 0 to {most}")]
    TickerJitter { jitter: f64, most: f64 },
}
