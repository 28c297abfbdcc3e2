//! Calls that are dropped at any of their awaits leave nothing behind: no permit, no waiter, no probe, no turn, no refusal.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use evenkeel_resilience::breaker::{BreakerRules, Position, Window};
use evenkeel_resilience::bulkhead::{BulkheadRules, Load};
use evenkeel_resilience::policy::{GroupRules, TimeoutRules};
use evenkeel_resilience::rate_limit::RateRules;
use evenkeel_resilience::retry::RetryRules;
use evenkeel_resilience::throttle::{Asked, ThrottleRules};
use evenkeel_resilience::{Backoff, Jitter, Policy, Rules};
use proptest::prelude::*;
use tokio::time::Instant;

const MILLI: Duration = Duration::from_millis(1);

/// All guards, each with a queue.
fn rules() -> Rules {
    let backoff = Backoff::new(5 * MILLI, 20 * MILLI).spread(Jitter::None);
    let one = BulkheadRules::default().permits(1).queue(8).patience(50 * MILLI);
    Rules::NONE
        .deadline(200 * MILLI)
        .retry(RetryRules::default().backoff(backoff))
        .rate(RateRules::default().rate(200).burst(5).patience(100 * MILLI))
        .bulkhead(one.permits(2))
        .groups(vec![GroupRules::new("batch", one)])
        // Opens by the failures of before, and not by those of the calls that are dropped.
        .breaker(BreakerRules::default().window(Window::Calls(4)).minimum_calls(4))
        .throttle(ThrottleRules::default().minimum(1_000_000))
        .timeout(TimeoutRules::default().share(0.5).at_most(100 * MILLI))
}

/// Polls work so often, and drops it.
async fn polled(work: impl Future, mut times: u32) {
    let mut work = pin!(work);
    poll_fn(|context| {
        let over = times == 0 || work.as_mut().poll(context).is_ready();
        times = times.saturating_sub(1);
        if over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Fails or answers, after so long.
async fn work(takes: u32, fails: bool) -> Result<(), &'static str> {
    if takes > 0 {
        tokio::time::sleep(takes * MILLI).await;
    }
    if fails { Err("down") } else { Ok(()) }
}

proptest! {
    #[test]
    fn all_permits_and_turns_return_when_calls_are_dropped_at_any_time(
        calls in prop::collection::vec((0_u32..8, 0_u32..60, any::<bool>(), any::<bool>(), 0_u32..40), 1..24), half_open in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let policy = Policy::new("bank", rules()).expect("rules that make sense");
            if half_open {
                for _ in 0..4 {
                    let _ = policy.once(|_| work(0, true)).await;
                }
                tokio::time::advance(Duration::from_secs(60)).await;
            }
            let batch = policy.group("batch").expect("the rules name it");
            let each = calls.iter().map(|(polls, takes, fails, of_batch, begins)| {
                let policy = if *of_batch { &batch } else { &policy };
                async move {
                    tokio::time::sleep(*begins * MILLI).await;
                    let call = policy.call(|_| work(*takes, *fails));
                    // Also those which nobody polls again end: their time is over.
                    let _ = tokio::time::timeout(500 * MILLI, polled(call, *polls)).await;
                }
            });
            futures_util::future::join_all(each).await;
            prop_assert_eq!(policy.bulkhead().load(), Load { in_flight: 0, waiting: 0 });
            prop_assert_eq!(batch.bulkhead().load(), Load { in_flight: 0, waiting: 0 });
            let Asked { requests, accepts } = policy.throttle().asked(Instant::now());
            prop_assert_eq!(requests, accepts, "no callee here says that it is overloaded");
            // What is still open or half open closes by as many probes as it asks for: none of their permits is lost.
            tokio::time::advance(Duration::from_secs(600)).await;
            for _ in 0..10 {
                let _ = policy.call(|_| work(0, false)).await;
                tokio::time::advance(Duration::from_secs(1)).await;
            }
            prop_assert_eq!(policy.breaker().position(), Position::Closed);
            // And the whole burst.
            let passed = futures_util::future::join_all((0..5).map(|_| policy.once(|_| work(0, false)))).await;
            prop_assert!(passed.iter().all(Result::is_ok), "{:?}", passed);
            Ok(())
        })?;
    }
}

/// Makes a call to a callee that hangs, dropped after this time.
async fn left_after(policy: &Policy, after: Duration) {
    let hanging = policy.once(async |_| std::future::pending::<Result<(), &str>>().await);
    assert!(tokio::time::timeout(after, hanging).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_hanging_callee_opens_the_breaker_although_every_caller_leaves() {
    let breaker = BreakerRules::default().window(Window::Calls(4)).minimum_calls(4).probes(1);
    let timeout = Some(TimeoutRules::default().at_most(1000 * MILLI));
    for (left, position) in [(499, Position::Closed), (500, Position::Open)] {
        let policy = Policy::new("bank", Rules::NONE.breaker(breaker).timeout(timeout)).unwrap();
        for _ in 0..4 {
            left_after(&policy, left * MILLI).await;
        }
        assert_eq!(policy.breaker().position(), position, "left after {left} of 1000 ms");
        if position == Position::Open {
            // And so does a probe of it.
            tokio::time::advance(Duration::from_secs(5)).await;
            left_after(&policy, left * MILLI).await;
            assert_eq!(policy.breaker().position(), Position::Open);
        }
    }
    // Without a bound of the attempt, what the rules call slow is slow.
    let slow = breaker.slow_after(300 * MILLI);
    for (left, position) in [(299, Position::Closed), (300, Position::Open)] {
        let policy = Policy::new("bank", Rules::NONE.breaker(slow)).unwrap();
        for _ in 0..4 {
            left_after(&policy, left * MILLI).await;
        }
        assert_eq!(policy.breaker().position(), position, "left after {left} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_the_queue_does_not_count_for_the_callee() {
    let breaker = BreakerRules::default().window(Window::Calls(1)).minimum_calls(1);
    let bulkhead = BulkheadRules::default().permits(1).queue(8).patience(Duration::from_secs(60));
    let timeout = Some(TimeoutRules::default().at_most(MILLI));
    let rules = Rules::NONE.breaker(breaker).bulkhead(bulkhead).timeout(timeout);
    let policy = Policy::new("bank", rules).unwrap();
    let held = policy.bulkhead().try_enter(&bulkhead).unwrap();
    left_after(&policy, Duration::from_secs(10)).await;
    drop(held);
    assert_eq!(policy.breaker().position(), Position::Closed);
}
