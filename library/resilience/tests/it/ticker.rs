//! The ticker through its public interface.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use evenkeel_resilience::ticker::{First, Ticker, TickerRules};
use proptest::prelude::*;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn first_ticks_are_spread_over_a_period() {
    let start = Instant::now();
    let mut tenths = [0_u32; 10];
    for _ in 0..1000 {
        let wait = Ticker::new(TickerRules::every(SECOND), start).due() - start;
        assert!(wait < SECOND);
        tenths[(wait.as_millis() / 100) as usize] += 1;
    }
    // A hundred are expected in each; below 40 or above 200 is six and ten standard deviations off.
    assert!(tenths.iter().all(|count| (40..200).contains(count)), "{tenths:?}");
}

#[tokio::test(start_paused = true)]
async fn ticks_are_early_and_late_by_at_most_the_jitter_and_do_not_drift() {
    let mut ticker = Ticker::new(TickerRules::every(SECOND).jitter(0.25), Instant::now());
    ticker.tick().await;
    let first = Instant::now();
    let (mut early, mut late) = (0, 0);
    for number in 1..=200_u32 {
        assert_eq!(ticker.tick().await.missed, 0);
        // The timer's grain is a millisecond.
        let off = first.elapsed().as_secs_f64() - f64::from(number);
        assert!(off.abs() <= 0.252, "tick {number} is off by {off} s");
        early += u32::from(off < -0.05);
        late += u32::from(off > 0.05);
    }
    assert!(early > 20 && late > 20, "{early} early, {late} late");
}

#[tokio::test(start_paused = true)]
async fn without_jitter_it_is_a_metronome_after_its_first_tick() {
    let mut ticker = Ticker::new(TickerRules::every(SECOND).jitter(0.0), Instant::now());
    let first = ticker.tick().await.due;
    for number in 1..10_u32 {
        assert_eq!(ticker.tick().await.due, first + number * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn missed_ticks_are_skipped_and_counted() {
    let mut ticker = Ticker::new(TickerRules::every(SECOND).jitter(0.0), Instant::now());
    let first = ticker.tick().await.due;
    tokio::time::advance(Duration::from_millis(3500)).await;
    let tick = ticker.tick().await;
    assert_eq!((tick.due, tick.missed), (first + 3 * SECOND, 2));
    let tick = ticker.tick().await;
    assert_eq!((tick.due, tick.missed), (first + 4 * SECOND, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_takes_no_tick() {
    let mut ticker = Ticker::new(TickerRules::every(SECOND), Instant::now());
    let due = ticker.due();
    for _ in 0..10 {
        assert!(pin!(ticker.tick()).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert_eq!(ticker.due(), due);
}

#[test]
fn invalid_rules_are_rejected() {
    let rules = TickerRules::every(SECOND);
    assert!(TickerRules::every(Duration::ZERO).check().unwrap_err().to_string().contains("above 0"));
    assert!(TickerRules::every(Duration::MAX).check().unwrap_err().to_string().contains("a year"));
    assert!(rules.jitter(0.6).check().unwrap_err().to_string().contains("0.5"));
    assert!(rules.jitter(f64::NAN).check().is_err());
    let mut ticker = Ticker::new(rules, Instant::now());
    assert!(ticker.set(TickerRules::every(Duration::ZERO), Instant::now()).is_err());
}

proptest! {
    /// Checks that, at any time of a wait, ticks and missed ones add up to the periods that passed, and the next is still to come.
    #[test]
    fn ticks_and_missed_ones_make_up_the_periods_that_passed(
        lates in prop::collection::vec(0_u64..5000, 1..50), jitter in 0.0..=0.5_f64,
    ) {
        let rules = TickerRules::every(SECOND).jitter(jitter);
        let mut ticker = Ticker::new(rules, Instant::now());
        let first = ticker.due();
        let (mut places, mut now) = (0, first);
        for late in lates {
            now = now.max(ticker.due()) + Duration::from_millis(late);
            let tick = ticker.take(now);
            places += tick.missed;
            prop_assert_eq!(tick.due, first + Duration::from_secs(places));
            prop_assert!(ticker.due() >= now);
            prop_assert!(ticker.due() <= tick.due + SECOND + SECOND.mul_f64(jitter) || ticker.due() == now);
            places += 1;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_tick_comes_at_random_or_after_a_period() {
    let now = Instant::now();
    let firsts = |first| {
        let rules = TickerRules::every(SECOND).first(first);
        let mut firsts: Vec<_> = (0..100).map(|_| Ticker::new(rules, now).due() - now).collect();
        firsts.sort();
        firsts
    };
    let by_lot = firsts(First::AtRandom);
    assert!(by_lot[0] < SECOND / 5 && by_lot[99] > SECOND * 4 / 5 && by_lot[99] <= SECOND);
    assert!(firsts(First::AfterAPeriod).into_iter().all(|first| first == SECOND));
}
