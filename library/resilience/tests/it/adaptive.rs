//! The adaptive limit: against callees that are modelled, and in a policy.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use evenkeel_resilience::adaptive::{Adaptive, AdaptiveRules, Algorithm};
use evenkeel_resilience::bulkhead::BulkheadRules;
use evenkeel_resilience::{Outcome, Policy, Rules};
use futures_util::future::join_all;
use proptest::prelude::*;
use tokio::time::Instant;

const MILLI: Duration = Duration::from_millis(1);
/// Latency of a call at an idle callee.
const BASE: Duration = Duration::from_millis(10);

/// Callee with a capacity of several calls at a time, each in 10 ms: more share that capacity.
struct Callee {
    capacity: u32,
}

impl Callee {
    fn takes(&self, in_flight: u32) -> Duration {
        BASE.mul_f64((f64::from(in_flight) / f64::from(self.capacity)).max(1.0))
    }

    /// Runs rounds with as many calls as the limit allows; returns the limit then.
    fn rounds(&self, limit: &Adaptive, rules: &AdaptiveRules, most: u32, clock: &mut Instant, rounds: usize) -> u32 {
        for _ in 0..rounds {
            let calls = limit.limit(rules, most);
            let (begun, took) = (*clock, self.takes(calls));
            *clock += took;
            for _ in 0..calls {
                limit.learn(rules, most, Outcome::Success, begun, *clock, calls);
            }
        }
        limit.limit(rules, most)
    }
}

#[tokio::test(start_paused = true)]
async fn both_algorithms_find_the_capacity_of_a_callee_and_follow_it() {
    for (rules, well) in [(AdaptiveRules::gradient(), 1.0..=2.0), (AdaptiveRules::aimd(15 * MILLI), 0.9..=1.6)] {
        let (limit, mut clock) = (Adaptive::new(), Instant::now());
        for capacity in [40_u32, 10, 40] {
            let found = Callee { capacity }.rounds(&limit, &rules, 500, &mut clock, 3000);
            let share = f64::from(found) / f64::from(capacity);
            assert!(well.contains(&share), "{:?}: {found} at a time where {capacity} are done", rules.algorithm);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_baseline_latency_is_measured_again_with_a_few_calls_at_a_time() {
    let (rules, limit, mut clock) = (AdaptiveRules::gradient(), Adaptive::new(), Instant::now());
    let callee = Callee { capacity: 40 };
    let begun = clock;
    let mut narrow = Vec::new();
    while clock < begun + 70_000 * MILLI {
        if callee.rounds(&limit, &rules, 500, &mut clock, 1) == 3 {
            narrow.push(clock - begun);
        }
    }
    let (first, again): (Vec<_>, Vec<_>) = narrow.into_iter().partition(|at| *at < 1000 * MILLI);
    assert!((10..=20).contains(&first.len()), "fifty calls, three at a time: {first:?}");
    assert!((10..=20).contains(&again.len()) && again[0] > 60_000 * MILLI && again[0] < 67_000 * MILLI, "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn failures_of_one_round_take_back_once() {
    let (rules, now) = (AdaptiveRules::aimd(BASE).first(100), Instant::now());
    let limit = Adaptive::new();
    let end = now + BASE;
    for _ in 0..50 {
        limit.learn(&rules, 500, Outcome::Overload { retry_after: None }, now, end, 100);
    }
    assert_eq!(limit.limit(&rules, 500), 90);
    limit.learn(&rules, 500, Outcome::Failure, end, end + BASE, 90);
    assert_eq!(limit.limit(&rules, 500), 81);
}

#[tokio::test(start_paused = true)]
async fn an_unused_limit_does_not_grow() {
    for rules in [AdaptiveRules::gradient(), AdaptiveRules::aimd(BASE)] {
        let (limit, mut now) = (Adaptive::new(), Instant::now());
        for _ in 0..1000 {
            limit.learn(&rules, 500, Outcome::Success, now, now + BASE, 2);
            now += BASE;
        }
        assert_eq!(limit.limit(&rules, 500), rules.first, "{rules:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_a_policy_converges_to_the_capacity_of_its_callee() {
    let rules = Rules::NONE
        .bulkhead(BulkheadRules::default().permits(200).queue(1000).patience(60_000 * MILLI))
        .adaptive(AdaptiveRules::aimd(1000 * MILLI).first(50));
    let policy = Policy::new("callee", rules).unwrap().classified(|result: &Result<(), &str>| match result {
        Ok(()) => Outcome::Success,
        Err(_) => Outcome::Overload { retry_after: None },
    });
    let inside = AtomicU32::new(0);
    let call = async || {
        let work = async |_| {
            let refused = inside.fetch_add(1, Relaxed) >= 10;
            tokio::time::sleep(BASE).await;
            inside.fetch_sub(1, Relaxed);
            if refused { Err("too much") } else { Ok(()) }
        };
        policy.call(work).await.is_ok()
    };
    let mut shares = Vec::new();
    for _ in 0..30 {
        let well = join_all((0..100).map(|_| call())).await.into_iter().filter(|well| *well).count();
        shares.push(well);
    }
    assert!(shares[0] < 60, "at first most are refused: {shares:?}");
    // A saw: it asks for a little too much again and again, to see whether there is more.
    assert!(shares[20..].iter().all(|well| *well >= 70), "then few are: {shares:?}");
}

#[tokio::test(start_paused = true)]
async fn queueing_callers_do_not_distort_the_measured_latency() {
    let gradient = Algorithm::Gradient { buffer: 0.25, window: 50 * MILLI, pause: 1000 * MILLI };
    let rules = Rules::NONE
        .bulkhead(BulkheadRules::default().permits(2000).queue(2000).patience(60_000 * MILLI))
        .adaptive(AdaptiveRules::gradient().algorithm(gradient));
    let (policy, callee, inside) = (Policy::new("callee", rules).unwrap(), Callee { capacity: 100 }, AtomicU32::new(0));
    let end = Instant::now() + 30_000 * MILLI;
    let most = AtomicU32::new(0);
    let caller = async || {
        while Instant::now() < end {
            let work = async |_| {
                let now_inside = inside.fetch_add(1, Relaxed) + 1;
                if Instant::now() > end - 10_000 * MILLI {
                    most.fetch_max(now_inside, Relaxed);
                }
                tokio::time::sleep(callee.takes(now_inside)).await;
                inside.fetch_sub(1, Relaxed);
                Ok::<_, ()>(())
            };
            policy.call(work).await.unwrap();
        }
    };
    join_all((0..1000).map(|_| caller())).await;
    let most = most.into_inner();
    assert!((100..=200).contains(&most), "{most} at a time where 100 are done");
}

#[test]
fn invalid_rules_are_rejected() {
    let aimd = |keeps| AdaptiveRules::gradient().algorithm(Algorithm::Aimd { keeps, slow_after: BASE });
    let gradient =
        |buffer, window, pause| AdaptiveRules::gradient().algorithm(Algorithm::Gradient { buffer, window, pause });
    for (rules, word) in [
        (aimd(1.0), "share from 0.5"),
        (gradient(-0.1, BASE, 60 * BASE), "buffer"),
        (gradient(f64::NAN, BASE, 60 * BASE), "buffer"),
        (gradient(0.2, Duration::ZERO, BASE), "window"),
        (gradient(0.2, BASE, MILLI), "pause"),
        (AdaptiveRules::gradient().least(0), "lets 1 through"),
        (AdaptiveRules::gradient().first(1).least(2), "begins at the least"),
    ] {
        assert!(rules.check().unwrap_err().to_string().contains(word), "{rules:?}");
    }
    assert_eq!(AdaptiveRules::gradient().check(), Ok(()));
    let alone = Rules::NONE.adaptive(AdaptiveRules::gradient());
    assert!(alone.check().unwrap_err().to_string().contains("without a bulkhead"));
}

proptest! {
    #[test]
    fn the_limit_always_stays_between_its_bounds(
        gradient in any::<bool>(),
        least in 1_u32..5,
        most in 1_u32..100,
        calls in proptest::collection::vec((0_u8..5, 0_u64..100_000, 0_u32..200), 0..200),
    ) {
        let rules = if gradient { AdaptiveRules::gradient() } else { AdaptiveRules::aimd(BASE) };
        let rules = rules.least(least);
        let (limit, mut now) = (Adaptive::new(), Instant::now());
        for (outcome, micros, in_flight) in calls {
            let outcome = match outcome {
                0 => Outcome::Success,
                1 => Outcome::Failure,
                2 => Outcome::Overload { retry_after: None },
                3 => Outcome::Cancelled,
                _ => Outcome::NotCounted,
            };
            let begun = now;
            now += Duration::from_micros(micros);
            let before = limit.limit(&rules, most);
            let grown = limit.learn(&rules, most, outcome, begun, now, in_flight);
            let after = limit.limit(&rules, most);
            prop_assert!(after >= least.min(most) && after <= most);
            prop_assert_eq!(grown, after > before);
            if !outcome.counts() || (outcome.is_failure() && after > before) {
                prop_assert_eq!(after, before);
            }
        }
    }
}
