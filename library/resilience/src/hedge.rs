//! Hedging: a second call when the first takes longer than most do, and whichever answers first is the answer.
//!
//! The delay is a percentile of the latency that was seen lately, not a constant, so that about one call in twenty is hedged,
//! however fast the callee is. A hedge is paid from the retry budget. Source: Jeffrey Dean and Luiz André Barroso, "The Tail at
//! Scale", Communications of the ACM 56(2), 2013.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use vitals::Buckets;

use crate::invalid::InvalidRules;
use crate::poll::at_once;
use crate::setters::setters;

/// Eight parts of each power of two, up to 2^30 us, 18 minutes.
type Layout = Buckets<3, 30>;
/// Number of calls after which the percentile is calculated anew; older samples then count half.
const GENERATION: u32 = 256;

/// Hedging rules: when a second call is made.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct HedgeRules {
    /// The part of calls that is over by then, 0.5 to 0.999.
    pub percentile: f64,
    /// Never sooner than after so long.
    pub at_least: Duration,
    /// Fewest calls for the percentile to count.
    pub minimum_calls: u32,
}

setters!(HedgeRules: set { percentile: f64, at_least: Duration, minimum_calls: u32 } turn {});

impl Default for HedgeRules {
    /// Returns a delay of the 95th percentile of at least 100 calls, and at least a millisecond.
    fn default() -> Self {
        Self { percentile: 0.95, at_least: Duration::from_millis(1), minimum_calls: 100 }
    }
}

impl HedgeRules {
    /// Checks the numbers.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        if !(0.5..=0.999).contains(&self.percentile) {
            return Err(InvalidRules::HedgePercentile(self.percentile));
        }
        Ok(())
    }
}

/// The latency that was seen lately; older calls count less and less. Recording is two relaxed additions.
#[derive(Debug)]
pub struct Latencies {
    slots: Box<[AtomicU32]>,
    /// Samples since the last calculation.
    recorded: AtomicU32,
    /// Samples in all, until there are certainly enough.
    seen: AtomicU32,
    /// The percentile in microseconds as calculated last.
    delay: AtomicU64,
}

/// Returns the answer of `first`; when that takes longer than `delay`, the first success of it and of `second`, or the later failure. `second`
/// is called then, and may be none: when no budget pays for it, for example. Cancel-safe: the loser is dropped, and a dropped caller drops both.
///
/// # Errors
/// That of the last to fail.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use std::future::pending;
/// use std::time::Duration;
/// use evenkeel_resilience::hedge::hedged;
///
/// let answer = hedged(pending::<Result<_, ()>>(), Duration::from_millis(20), || Some(async { Ok("the second") }));
/// assert_eq!(answer.await, Ok("the second"));
/// # }
/// ```
pub async fn hedged<T, E, W>(
    first: impl Future<Output = Result<T, E>>,
    delay: Duration,
    second: impl FnOnce() -> Option<W>,
) -> Result<T, E>
where
    W: Future<Output = Result<T, E>>,
{
    let mut first = pin!(first);
    match at_once(first.as_mut()).await {
        Poll::Ready(answer) => answer,
        // In a box, so that what is answered at once has no room for a second.
        Poll::Pending => Box::pin(slow(first, delay, second)).await,
    }
}

async fn slow<T, E, W>(
    mut first: Pin<&mut impl Future<Output = Result<T, E>>>,
    delay: Duration,
    second: impl FnOnce() -> Option<W>,
) -> Result<T, E>
where
    W: Future<Output = Result<T, E>>,
{
    tokio::select! {
        biased;
        answer = &mut first => return answer,
        () = tokio::time::sleep(delay) => {}
    }
    let Some(second) = second() else { return first.await };
    let mut second = pin!(second);
    tokio::select! {
        biased;
        answer = &mut first => match answer {
            Ok(answer) => Ok(answer),
            Err(_) => second.await,
        },
        answer = &mut second => match answer {
            Ok(answer) => Ok(answer),
            Err(_) => first.await,
        },
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

impl Latencies {
    /// Creates an empty record; 1 KiB.
    pub fn new() -> Self {
        let slots = (0..Layout::COUNT).map(|_| AtomicU32::new(0)).collect();
        Self { slots, recorded: AtomicU32::new(0), seen: AtomicU32::new(0), delay: AtomicU64::new(0) }
    }

    /// A call took so long.
    pub fn record(&self, rules: &HedgeRules, took: Duration) {
        self.slots[Layout::index(Layout::micros(took))].fetch_add(1, Ordering::Relaxed);
        let recorded = self.recorded.fetch_add(1, Ordering::Relaxed) + 1;
        let generation = GENERATION.min(rules.minimum_calls.max(1));
        // One thread alone gets them all.
        if recorded >= generation && self.recorded.swap(0, Ordering::Relaxed) >= generation {
            self.calculate(rules, generation);
        }
    }

    /// Returns the delay of the second call after the first; none while there are too few samples.
    pub fn delay(&self, rules: &HedgeRules) -> Option<Duration> {
        let enough = self.seen.load(Ordering::Relaxed) >= rules.minimum_calls.max(1);
        enough.then(|| Duration::from_micros(self.delay.load(Ordering::Relaxed)).max(rules.at_least))
    }

    fn calculate(&self, rules: &HedgeRules, generation: u32) {
        let counts: Vec<u32> = self.slots.iter().map(|slot| slot.load(Ordering::Relaxed)).collect();
        let percentile = Layout::quantile(counts.iter().map(|count| u64::from(*count)), rules.percentile);
        self.delay.store(percentile, Ordering::Relaxed);
        let seen = self.seen.load(Ordering::Relaxed).saturating_add(generation);
        self.seen.store(seen, Ordering::Relaxed);
        for (slot, count) in self.slots.iter().zip(counts) {
            // What is recorded meanwhile stays.
            slot.fetch_sub(count / 2, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    fn filled(latencies: &Latencies, rules: &HedgeRules, millis: impl Fn(u32) -> u32, calls: u32) {
        (0..calls).for_each(|call| latencies.record(rules, millis(call) * MILLI));
    }

    #[test]
    fn nothing_is_hedged_before_enough_was_seen() {
        let (latencies, rules) = (Latencies::new(), HedgeRules::default());
        filled(&latencies, &rules, |_| 10, 99);
        assert_eq!(latencies.delay(&rules), None);
        filled(&latencies, &rules, |_| 10, 1);
        assert!(latencies.delay(&rules).is_some());
    }

    #[test]
    fn the_delay_is_the_percentile_of_the_observed_latencies() {
        let (latencies, rules) = (Latencies::new(), HedgeRules::default());
        filled(&latencies, &rules, |call| call % 100 + 1, 1000);
        let delay = latencies.delay(&rules).unwrap();
        assert!((95 * MILLI..=109 * MILLI).contains(&delay), "{delay:?}");
    }

    #[test]
    fn the_delay_follows_a_callee_that_becomes_slower_and_faster() {
        let (latencies, rules) = (Latencies::new(), HedgeRules::default());
        filled(&latencies, &rules, |_| 5, 1000);
        filled(&latencies, &rules, |_| 200, 2000);
        assert!(latencies.delay(&rules).unwrap() >= 200 * MILLI);
        filled(&latencies, &rules, |_| 5, 4000);
        assert!(latencies.delay(&rules).unwrap() < 10 * MILLI);
    }

    #[test]
    fn it_is_never_sooner_than_the_rules_say() {
        let (latencies, rules) = (Latencies::new(), HedgeRules { at_least: 50 * MILLI, ..HedgeRules::default() });
        filled(&latencies, &rules, |_| 1, 1000);
        assert_eq!(latencies.delay(&rules), Some(50 * MILLI));
    }

    async fn answers(after: u32, answer: Result<u32, u32>) -> Result<u32, u32> {
        if after > 0 {
            tokio::time::sleep(after * MILLI).await;
        }
        answer
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_success_of_both_is_the_answer_and_else_the_last_failure() {
        for (first, second, expected) in [
            ((100, Ok(1)), (50, Ok(2)), (Ok(2), 70)),
            ((60, Ok(1)), (50, Ok(2)), (Ok(1), 60)),
            ((30, Err(1)), (50, Ok(2)), (Ok(2), 70)),
            ((100, Ok(1)), (50, Err(2)), (Ok(1), 100)),
            ((100, Err(1)), (50, Err(2)), (Err(1), 100)),
            ((30, Err(1)), (50, Err(2)), (Err(2), 70)),
        ] {
            let begun = tokio::time::Instant::now();
            let second = || Some(answers(second.0, second.1));
            let answer = hedged(answers(first.0, first.1), 20 * MILLI, second).await;
            assert_eq!((answer, begun.elapsed()), (expected.0, expected.1 * MILLI), "{first:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_are_fast_or_not_repeatable_are_not_hedged() {
        for (after, first) in [(0, Ok(1)), (0, Err(1)), (20, Ok(1)), (20, Err(1))] {
            let second = || -> Option<std::future::Ready<_>> { panic!("it was not slow") };
            assert_eq!(hedged(answers(after, first), 20 * MILLI, second).await, first);
        }
        let second = || None::<std::future::Ready<_>>;
        assert_eq!(hedged(answers(100, Ok(1)), 20 * MILLI, second).await, Ok(1));
    }

    proptest! {
        #[test]
        fn a_latency_is_known_to_within_an_eighth(micros in 0..=Layout::LARGEST) {
            let highest = Layout::highest(Layout::index(micros));
            prop_assert!(highest >= micros && (highest - micros) as f64 <= micros as f64 / 8.0, "{} {}", micros, highest);
        }
    }
}
