//! The rate limit through its public interface.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use evenkeel_resilience::rate_limit::{KEY_WAYS, KeyedRateLimit, Limited, RateLimit, RateRules};
use proptest::prelude::*;
use tokio::time::Instant;

const MILLI: Duration = Duration::from_millis(1);

/// One each 100 ms.
fn rules(burst: u32) -> RateRules {
    RateRules::default().rate(10).per(Duration::from_secs(1)).burst(burst).patience(Duration::ZERO)
}

fn rate(millis: u32) -> Limited {
    Limited::Rate { retry_after: millis * MILLI }
}

#[test]
fn a_burst_passes_at_once_and_then_one_for_each_interval() {
    let start = Instant::now();
    let (limit, rules) = (RateLimit::new(start), rules(3));
    for _ in 0..3 {
        limit.try_pass(&rules, 1, start).unwrap();
    }
    assert_eq!(limit.try_pass(&rules, 1, start), Err(rate(100)));
    assert_eq!(limit.try_pass(&rules, 1, start + 99 * MILLI), Err(rate(1)));
    assert_eq!(limit.try_pass(&rules, 1, start + 100 * MILLI), Ok(()));
    assert_eq!(limit.try_pass(&rules, 1, start + 100 * MILLI), Err(rate(100)));
}

#[test]
fn a_long_pause_saves_up_no_more_than_the_burst() {
    let start = Instant::now();
    let (limit, rules) = (RateLimit::new(start), rules(3));
    let later = start + Duration::from_secs(3600);
    let passed = (0..10).filter(|_| limit.try_pass(&rules, 1, later).is_ok()).count();
    assert_eq!(passed, 3);
}

#[test]
fn a_call_is_charged_its_cost_and_more_than_the_burst_never_passes() {
    let start = Instant::now();
    let (limit, rules) = (RateLimit::new(start), rules(3));
    assert_eq!(limit.try_pass(&rules, 4, start), Err(Limited::Cost { cost: 4, burst: 3 }));
    assert_eq!(limit.try_pass(&rules, 2, start), Ok(()));
    assert_eq!(limit.try_pass(&rules, 2, start), Err(rate(100)));
    assert_eq!(limit.try_pass(&rules, 1, start), Ok(()));
    assert_eq!(limit.try_pass(&rules, 0, start), Ok(()));
}

#[test]
fn a_refusal_costs_nothing() {
    let start = Instant::now();
    let (limit, rules) = (RateLimit::new(start), rules(1));
    limit.try_pass(&rules, 1, start).unwrap();
    for _ in 0..1000 {
        assert_eq!(limit.try_pass(&rules, 1, start), Err(rate(100)));
    }
    assert_eq!(limit.try_pass(&rules, 1, start + 100 * MILLI), Ok(()));
}

#[test]
fn a_clock_that_stands_or_goes_back_lets_nothing_more_through() {
    let start = Instant::now();
    let (limit, rules) = (RateLimit::new(start + MILLI), rules(1));
    limit.try_pass(&rules, 1, start + MILLI).unwrap();
    assert!(limit.try_pass(&rules, 1, start).is_err());
}

#[test]
fn the_quota_holds_the_remaining_calls_and_the_time_to_a_full_burst() {
    let start = Instant::now();
    let (limit, rules) = (RateLimit::new(start), rules(3));
    let tell = |now| {
        let quota = limit.quota(&rules, now);
        (quota.limit, quota.window, quota.remaining, quota.reset)
    };
    assert_eq!(tell(start), (3, 300 * MILLI, 3, Duration::ZERO));
    limit.try_pass(&rules, 2, start).unwrap();
    assert_eq!(tell(start), (3, 300 * MILLI, 1, 200 * MILLI));
    assert_eq!(tell(start + 150 * MILLI), (3, 300 * MILLI, 2, 50 * MILLI));
}

#[test]
fn rules_change_while_it_lives() {
    let start = Instant::now();
    let limit = RateLimit::new(start);
    limit.try_pass(&rules(1), 1, start).unwrap();
    assert!(limit.try_pass(&rules(1), 1, start).is_err());
    assert!(limit.try_pass(&rules(2), 1, start).is_ok());
}

#[test]
fn invalid_rules_are_rejected() {
    assert!(rules(1).rate(0).check().unwrap_err().to_string().contains("at least 1"));
    assert!(rules(0).check().unwrap_err().to_string().contains("at least 1"));
    assert!(rules(1).per(Duration::from_nanos(9)).check().unwrap_err().to_string().contains("longer"));
    assert!(rules(1).per(Duration::MAX).check().unwrap_err().to_string().contains("year"));
    assert_eq!(RateRules::default().check(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_patient_call_passes_at_its_turn_and_one_that_would_wait_too_long_is_refused_at_once() {
    let start = Instant::now();
    let rules = rules(1).patience(250 * MILLI);
    let limit = RateLimit::new(start);
    limit.pass(&rules, 1, None, start).await.unwrap();
    let (first, second, third) = tokio::join!(
        async { (limit.pass(&rules, 1, None, start).await, start.elapsed()) },
        async { (limit.pass(&rules, 1, None, start).await, start.elapsed()) },
        async { (limit.pass(&rules, 1, None, start).await, start.elapsed()) },
    );
    assert_eq!(first, (Ok(()), 100 * MILLI));
    assert_eq!(second, (Ok(()), 200 * MILLI));
    assert_eq!(third.0, Err(rate(300)));
    let now = Instant::now();
    assert_eq!(limit.pass(&rules, 1, Some(now + 50 * MILLI), now).await, Err(rate(100)));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_gives_its_turn_back_if_it_was_the_last() {
    let start = Instant::now();
    let rules = rules(1).patience(Duration::from_secs(1));
    let limit = RateLimit::new(start);
    limit.try_pass(&rules, 1, start).unwrap();
    let wait = || Box::pin(limit.pass(&rules, 1, None, start));
    let (mut first, mut second, mut third) = (wait(), wait(), wait());
    for waiting in [&mut first, &mut second, &mut third] {
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let owed = || limit.quota(&rules, start).reset;
    assert_eq!(owed(), 400 * MILLI);
    drop(second);
    assert_eq!(owed(), 400 * MILLI, "somebody has queued up behind it");
    drop(third);
    assert_eq!(owed(), 300 * MILLI);
    first.await.unwrap();
    assert_eq!(start.elapsed(), 100 * MILLI);
}

#[test]
fn threads_together_get_no_more_than_the_burst() {
    let start = Instant::now();
    let (limit, rules) = (RateLimit::new(start), rules(100));
    let passed: usize = std::thread::scope(|scope| {
        let attempts = || (0..1000).filter(|_| limit.try_pass(&rules, 1, start).is_ok()).count();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(attempts)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(passed, 100);
}

#[test]
fn keys_do_not_share_their_limits() {
    let start = Instant::now();
    let (limits, rules) = (KeyedRateLimit::new(1024, start), rules(1));
    assert_eq!(limits.capacity(), 1024);
    limits.try_pass("one", &rules, 1, start).unwrap();
    assert_eq!(limits.try_pass("one", &rules, 1, start), Err(rate(100)));
    assert_eq!(limits.try_pass("two", &rules, 1, start), Ok(()));
    assert_eq!(limits.quota("one", &rules, start).remaining, 0);
    assert_eq!(limits.quota("nobody", &rules, start).remaining, 1);
}

#[test]
fn a_flood_of_keys_frees_no_key_that_is_at_its_limit() {
    let start = Instant::now();
    // All keys meet in one set.
    let (limits, rules) = (KeyedRateLimit::new(KEY_WAYS, start), rules(10));
    assert!((0..10).all(|_| limits.try_pass("greedy", &rules, 1, start).is_ok()));
    for key in 0..10_000_u32 {
        assert_eq!(limits.try_pass(&key, &rules, 1, start), Ok(()), "a newcomer pays for nobody");
        assert!(limits.try_pass("greedy", &rules, 1, start).is_err(), "the flood freed the greedy one after {key}");
    }
    assert!(limits.forgotten() > 9000);
}

#[test]
fn a_key_that_owes_nothing_makes_room_and_nothing_is_forgotten() {
    let start = Instant::now();
    let (limits, rules) = (KeyedRateLimit::new(KEY_WAYS, start), rules(1));
    for key in 0..1000_u32 {
        limits.try_pass(&key, &rules, 1, start + key * 100 * MILLI).unwrap();
    }
    assert_eq!(limits.forgotten(), 0);
}

/// Token bucket in floating point: the definition of the rate limit.
struct Bucket {
    tokens: f64,
    at: u64,
}

impl Bucket {
    fn left(&mut self, burst: u32, now: u64) -> f64 {
        self.tokens = (self.tokens + (now - self.at) as f64 / 100.0).min(f64::from(burst));
        self.at = now;
        self.tokens
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn gcra_matches_a_token_bucket(
        steps in prop::collection::vec((0_u64..150, 0_u32..4), 1..100), burst in 1_u32..6,
    ) {
        let start = Instant::now();
        let (limit, rules) = (RateLimit::new(start), rules(burst));
        let mut bucket = Bucket { tokens: f64::from(burst), at: 0 };
        let mut now = 0;
        for (pause, cost) in steps {
            now += pause;
            let at = start + Duration::from_millis(now);
            let left = bucket.left(burst, now);
            prop_assert_eq!(limit.quota(&rules, at).remaining, (left + 1e-6) as u32);
            let passed = limit.try_pass(&rules, cost, at).is_ok();
            prop_assert_eq!(passed, cost <= burst && (cost == 0 || left + 1e-6 >= f64::from(cost)));
            if passed {
                bucket.tokens -= f64::from(cost);
            }
        }
    }

    /// Checks that, whichever waiting calls are dropped, no span of time admits more than the burst and the rate.
    #[test]
    fn no_span_of_time_admits_more_than_burst_and_rate_when_waits_are_dropped(
        steps in prop::collection::vec((0_u64..150, any::<bool>()), 1..60), burst in 1_u32..4,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let passed = runtime.block_on(async {
            let start = Instant::now();
            let rules = rules(burst).patience(Duration::from_secs(2));
            let limit = std::sync::Arc::new(RateLimit::new(start));
            let mut calls = Vec::new();
            for (pause, stays) in steps {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let (limit, now) = (limit.clone(), Instant::now());
                let call = async move { limit.pass(&rules, 1, None, now).await.map(|()| start.elapsed().as_millis() as u64) };
                if stays {
                    calls.push(tokio::spawn(call));
                    tokio::task::yield_now().await;
                } else if let std::task::Poll::Ready(Ok(at)) = pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
                    calls.push(tokio::spawn(async move { Ok(at) }));
                }
            }
            let mut passed = Vec::new();
            for call in calls {
                passed.extend(call.await.unwrap());
            }
            passed.sort_unstable();
            passed
        });
        for (place, first) in passed.iter().enumerate() {
            for (more, last) in passed[place..].iter().enumerate() {
                prop_assert!(more as u64 <= u64::from(burst) + (last - first) / 100, "{:?}", passed);
            }
        }
    }
}
