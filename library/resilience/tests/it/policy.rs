//! The policy through its public interface, in virtual time.

use std::cell::Cell;
use std::time::Duration;

use evenkeel_resilience::breaker::{BreakerRules, Position, Window};
use evenkeel_resilience::budget::BudgetRules;
use evenkeel_resilience::bulkhead::{BulkheadRules, Load};
use evenkeel_resilience::hedge::HedgeRules;
use evenkeel_resilience::policy::{Bound, CallError, GroupRules, Guard, TimeoutRules};
use evenkeel_resilience::rate_limit::RateRules;
use evenkeel_resilience::retry::{RetryRules, Stop};
use evenkeel_resilience::throttle::ThrottleRules;
use evenkeel_resilience::{Backoff, Deadline, Jitter, Outcome, Policy, Rules};
use tokio::time::Instant;

const MILLI: Duration = Duration::from_millis(1);

fn retry() -> RetryRules {
    RetryRules::default()
        .attempts(3)
        .backoff(Backoff::new(100 * MILLI, 1000 * MILLI).spread(Jitter::None))
        .budget(BudgetRules::default().floor(100.0))
}

fn policy(rules: Rules) -> Policy {
    Policy::new("bank", rules).expect("rules that make sense")
}

#[tokio::test(start_paused = true)]
async fn failed_calls_are_retried_with_growing_waits() {
    let policy = policy(Rules::NONE.retry(retry()));
    let begun = Instant::now();
    let answer = policy.call(async |attempt| if attempt.number < 3 { Err("down") } else { Ok(attempt.number) }).await;
    assert_eq!((answer, begun.elapsed()), (Ok(3), 300 * MILLI));
    let error = policy.call(async |_| Err::<(), _>("down")).await.unwrap_err();
    assert_eq!(error, CallError::Failed { policy: "bank".into(), attempts: 3, stop: Stop::Attempts, cause: "down" });
    assert_eq!(error.to_string(), "bank failed after 3 attempts; the last cause: down");
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_not_repeatable_are_made_once() {
    let policy = policy(Rules::NONE.retry(retry()));
    let times = Cell::new(0);
    let work = async |_| {
        times.set(times.get() + 1);
        Err::<(), _>("down")
    };
    let error = policy.once(work).await.unwrap_err();
    assert!(matches!(error, CallError::Failed { stop: Stop::NotRepeatable, .. }), "{error:?}");
    assert_eq!(times.get(), 1);
}

/// Returns the start and length of each attempt of a call to a callee that hangs, in milliseconds, and the error of the call.
async fn hang(policy: &Policy, once: bool) -> (Vec<(u128, u128)>, CallError<&'static str>) {
    let (begun, seen) = (Instant::now(), Cell::new(Vec::new()));
    let work = async |_| {
        let mut all = seen.take();
        all.push((begun.elapsed().as_millis(), Deadline::current().unwrap().left().as_millis()));
        seen.set(all);
        std::future::pending::<Result<(), &str>>().await
    };
    let error = if once { policy.once(work).await } else { policy.call(work).await }.unwrap_err();
    (seen.take(), error)
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_its_share_of_the_remaining_time_and_none_runs_beyond_the_deadline() {
    let timeout = TimeoutRules::default().share(0.5).at_most(Duration::MAX);
    let deadline = Some(1000 * MILLI);
    let policy = policy(Rules::NONE.deadline(deadline).timeout(timeout).retry(retry()));
    let begun = Instant::now();
    let (attempts, error) = hang(&policy, false).await;
    // The first gives way after 500 of 1000; the second would after 200 of the 400 that are left after a wait of 100, but a wait of 200
    // would end with the deadline: it goes on.
    assert_eq!(attempts, [(0, 1000), (600, 400)]);
    assert_eq!(begun.elapsed(), 1000 * MILLI);
    let expected = CallError::TimedOut {
        policy: "bank".into(),
        attempts: 2,
        bound: Bound::PolicyDeadline,
        within: 1000 * MILLI,
        stop: Stop::Deadline,
        cause: None,
    };
    assert_eq!(error, expected);
    let text = "bank did not answer within 1.0s, the deadline of its policy, after 2 attempts; no other one: no time is left before the deadline";
    assert_eq!(error.to_string(), text);
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_has_all_of_the_remaining_time() {
    let timeout = TimeoutRules::default().share(0.5).at_most(Duration::MAX);
    let retry = retry().attempts(2);
    let policy = policy(Rules::NONE.deadline(1000 * MILLI).timeout(timeout).retry(retry));
    assert_eq!(hang(&policy, false).await.0, [(0, 1000), (600, 400)]);
    assert_eq!(hang(&policy, true).await.0, [(0, 1000)]);
}

/// Answers after so long.
async fn answers(after: Duration) -> Result<(), &'static str> {
    tokio::time::sleep(after).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_answer_within_the_deadline_arrives_with_an_empty_budget_too() {
    for floor in [0.0, 1.0, 1000.0] {
        let budget = BudgetRules::default().floor(floor);
        let retry = Some(RetryRules::default().budget(budget));
        let of_rules = policy(Rules::default().deadline(300 * MILLI).retry(retry));
        let of_task = policy(Rules::default().deadline(None).retry(retry));
        for number in 0..20 {
            assert_eq!(of_rules.call(|_| answers(200 * MILLI)).await, Ok(()), "call {number} at a floor of {floor}");
            let called = Deadline::after(300 * MILLI).scope(of_task.call(|_| answers(200 * MILLI))).await;
            assert_eq!(called, Ok(Ok(())), "call {number} at a floor of {floor}");
        }
        assert_eq!(of_rules.breaker().position(), Position::Closed);
    }
}

/// The table of `docs/guide/calls.md`, "Time budgets".
#[tokio::test(start_paused = true)]
async fn a_budget_gives_the_numbers_of_the_guide() {
    let default = || policy(Rules::default().deadline(None));
    for (budget, longest, hanging) in [(300, 300, 1), (1000, 1000, 1), (10_000, 5000, 2)] {
        let whole = Deadline::after(budget * MILLI);
        assert_eq!(whole.scope(default().call(|_| answers((longest - 1) * MILLI))).await, Ok(Ok(())), "{budget}");
        let whole = Deadline::after(budget * MILLI);
        let policy = default();
        let (attempts, error) = whole.scope(hang(&policy, false)).await.expect("the call ends first");
        assert_eq!((attempts.len(), attempts[0].1), (hanging, u128::from(longest)), "{attempts:?}");
        assert!(
            whole.is_over() && matches!(error, CallError::TimedOut { bound: Bound::TaskDeadline, .. }),
            "{error:?}"
        );
        assert!(attempts.get(1).is_none_or(|(begun, _)| *begun <= 5050), "{attempts:?}");
        let retry = Some(RetryRules::default().budget(BudgetRules::default().floor(100.0)));
        let paid = Policy::new("bank", Rules::default().deadline(budget * MILLI).retry(retry)).unwrap();
        let error = paid.call(async |_| Err::<(), _>("down")).await.unwrap_err();
        assert!(matches!(error, CallError::Failed { attempts: 3, .. }), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_share_ends_an_attempt_only_for_one_that_is_paid_for() {
    let budget = BudgetRules::default().ratio(0.0).floor(1.0);
    let retry = RetryRules::default().budget(budget);
    let timeout = TimeoutRules::default().share(0.5).at_most(Duration::MAX);
    let rules = Rules::NONE.deadline(300 * MILLI).timeout(timeout).retry(retry);
    let policy = policy(rules);
    // The floor pays for one repeat a second, so no more than that are given up; the others go on, and are heard.
    let (mut answered, calls) = (0, Cell::new(0));
    let work = |_| {
        calls.set(calls.get() + 1);
        answers(200 * MILLI)
    };
    for _ in 0..40 {
        answered += u32::from(policy.call(work).await.is_ok());
    }
    assert!(answered >= 30 && calls.get() + answered == 80, "{answered} of 40 answered, {} attempts", calls.get());
}

#[tokio::test(start_paused = true)]
async fn an_error_names_the_bound_that_cut_and_why_there_was_no_other_attempt() {
    let cut = |error: &CallError<&str>| match error {
        CallError::TimedOut { bound, within, stop, .. } => (*bound, *within, *stop),
        other => panic!("{other:?}"),
    };
    let once = retry().attempts(1);
    let short = policy(Rules::default().deadline(300 * MILLI).retry(once));
    let (_, error) = hang(&short, false).await;
    assert_eq!(cut(&error), (Bound::PolicyDeadline, 300 * MILLI, Stop::Attempts));
    // Polled as a whole, the call ends before the scope that set its deadline does.
    let scoped = Deadline::after(200 * MILLI).scope(hang(&short, true));
    let (_, error) = scoped.await.expect("the call ends first");
    assert_eq!(cut(&error), (Bound::TaskDeadline, 200 * MILLI, Stop::NotRepeatable));
    let timeout = Some(TimeoutRules::default().at_most(50 * MILLI));
    let strict = policy(Rules::NONE.deadline(300 * MILLI).timeout(timeout));
    let (_, error) = hang(&strict, false).await;
    assert_eq!(cut(&error), (Bound::AttemptTimeout, 50 * MILLI, Stop::NoRetries));
    let text = "bank did not answer within 50.0ms, the timeout of an attempt, after 1 attempt; no other one: the rules have no retries";
    assert_eq!(error.to_string(), text);
    let unbounded = policy(Rules::NONE.timeout(timeout));
    assert_eq!(cut(&hang(&unbounded, false).await.1).0, Bound::AttemptTimeout);
    let poor = BudgetRules::default().ratio(0.0).floor(0.0);
    let poor = policy(Rules::NONE.timeout(timeout).retry(retry().budget(poor)));
    assert_eq!(cut(&hang(&poor, false).await.1).2, Stop::Budget);
    // What fails again and again until the deadline has passed between two attempts.
    let hurried = policy(Rules::NONE.deadline(Duration::ZERO));
    let error = hurried.call(async |_| Ok::<_, &str>(())).await.unwrap_err();
    assert!(matches!(error, CallError::Expired { bound: Bound::PolicyDeadline, .. }), "{error:?}");
    assert_eq!(error.to_string(), "bank: the deadline of its policy, 0.0ns, passed after 0 attempts");
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_deadline_has_passed_makes_no_call() {
    let policy = policy(Rules::default());
    let outer = Deadline::after(10 * MILLI);
    tokio::time::advance(20 * MILLI).await;
    let inside = async { policy.call(async |_| Ok::<_, &str>(())).await };
    // The scope itself ends at once, so the call is made beside it with the deadline in force.
    let answer = tokio::time::timeout(MILLI, outer.scope(inside)).await.unwrap();
    assert!(!matches!(answer, Ok(Ok(()))), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn the_end_time_of_a_good_attempt_is_read_when_it_changes_the_breakers_decision() {
    let breaker = BreakerRules::default().window(Window::Calls(4)).minimum_calls(4);
    // A slow call that an attempt's time allows is counted, whatever sets that time.
    let slow = Some(breaker.slow_after(300 * MILLI));
    let timeout = |millis: u32| Some(TimeoutRules::default().at_most(millis * MILLI));
    for rules in [Rules::NONE.timeout(timeout(300)), Rules::NONE.deadline(300 * MILLI), Rules::NONE] {
        let policy = policy(rules.breaker(slow));
        for _ in 0..4 {
            policy.call(|_| answers(300 * MILLI)).await.unwrap();
        }
        assert_eq!(policy.breaker().position(), Position::Open);
    }
    // A good call that completes the number from which on rates count opens it from its end on.
    let wait = Backoff::new(500 * MILLI, 500 * MILLI).spread(Jitter::None);
    let policy = policy(Rules::NONE.breaker(breaker.wait(wait)).timeout(timeout(5000)));
    for _ in 0..3 {
        policy.call(async |_| Err::<(), _>("down")).await.unwrap_err();
    }
    policy.call(|_| answers(400 * MILLI)).await.unwrap();
    let error = policy.call(|_| answers(MILLI)).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { retry_after: Some(left), .. } if left == 500 * MILLI), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn every_handle_follows_the_rules_that_were_given_last() {
    let policy = policy(Rules::NONE.retry(retry()));
    let (other, attempts) = (policy.clone(), Cell::new(0));
    let work = |_| {
        attempts.set(attempts.get() + 1);
        async { Err::<(), _>("down") }
    };
    // One that is under way ends by the rules with which it began.
    let changing = async {
        tokio::time::sleep(50 * MILLI).await;
        policy.change(Rules::NONE).unwrap();
    };
    let (error, ()) = tokio::join!(other.call(work), changing);
    assert!(matches!(error, Err(CallError::Failed { attempts: 3, .. })), "{error:?}");
    for handle in [&policy, &other, &other.clone(), &policy.clone().classified(evenkeel_resilience::ByResult)] {
        attempts.set(0);
        handle.call(work).await.unwrap_err();
        assert_eq!((attempts.get(), &*handle.rules()), (1, &Rules::NONE));
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_with_the_name_of_the_guard_and_when_to_ask_again() {
    let breaker = BreakerRules::default().window(Window::Calls(4)).minimum_calls(4);
    let policy = policy(Rules::NONE.breaker(breaker));
    for _ in 0..4 {
        assert!(policy.call(async |_| Err::<(), _>("down")).await.is_err());
    }
    assert_eq!(policy.breaker().position(), Position::Open);
    let error = policy.call(async |_| Ok::<_, &str>(())).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { guard: Guard::Breaker, retry_after: Some(_), .. }), "{error:?}");
    assert!(error.to_string().starts_with("bank was not called: its circuit breaker is open"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_full_bulkhead_refuses_and_a_dropped_call_returns_its_permit() {
    let bulkhead = BulkheadRules::default().permits(1).queue(0);
    let policy = policy(Rules::NONE.bulkhead(bulkhead));
    let hanging = tokio::time::timeout(MILLI, policy.call(async |_| std::future::pending::<Result<(), &str>>().await));
    let refused = async { policy.call(async |_| Ok::<_, &str>(())).await.unwrap_err() };
    let (dropped, error) = tokio::join!(hanging, refused);
    assert!(dropped.is_err());
    assert!(matches!(error, CallError::Refused { guard: Guard::Bulkhead, .. }), "{error:?}");
    assert_eq!(policy.bulkhead().load(), Load { in_flight: 0, waiting: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_its_next_attempt_holds_no_permit() {
    let all = BulkheadRules::default().permits(2).queue(0);
    let groups = vec![GroupRules::new("batch", all.permits(1))];
    let policy = policy(Rules::NONE.bulkhead(all).groups(groups).retry(retry()));
    let batch = policy.group("batch").unwrap();
    let failing = batch.call(async |attempt| if attempt.number == 1 { Err("down") } else { Ok(attempt.number) });
    let meanwhile = async {
        tokio::time::sleep(50 * MILLI).await;
        let load = (policy.bulkhead().load(), batch.bulkhead().load());
        (load, batch.call(async |attempt| Ok::<_, &str>(attempt.number)).await)
    };
    let none = Load { in_flight: 0, waiting: 0 };
    assert_eq!(tokio::join!(failing, meanwhile), (Ok(2), ((none, none), Ok(1))));
}

#[tokio::test(start_paused = true)]
async fn a_callee_that_refuses_most_calls_is_throttled_until_it_recovers() {
    let throttle = ThrottleRules::default().most(0.9);
    let policy = policy(Rules::NONE.throttle(throttle));
    let policy = policy.classified(|result: &Result<(), &str>| match result {
        Ok(()) => Outcome::Success,
        Err(_) => Outcome::Overload { retry_after: None },
    });
    let asked = Cell::new(0);
    let ask = async |well: bool| {
        let work = async |_| {
            asked.set(asked.get() + 1);
            if well { Ok(()) } else { Err("busy") }
        };
        policy.once(work).await
    };
    let mut spared = 0;
    for _ in 0..1000 {
        if let Err(CallError::Refused { guard, .. }) = ask(false).await {
            assert_eq!(guard, Guard::Throttle);
            spared += 1;
        }
    }
    // Nine in ten of the 1000, less the few of the beginning: 5 standard deviations of a lot are 48.
    assert!((830..=930).contains(&spared) && asked.get() == 1000 - spared, "{spared}, {}", asked.get());
    tokio::time::advance(Duration::from_secs(121)).await;
    assert_eq!(ask(true).await, Ok(()), "all is forgotten");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_returns_its_permit() {
    let breaker = BreakerRules::default().window(Window::Calls(1)).minimum_calls(1).probes(1);
    let policy = policy(Rules::NONE.breaker(breaker));
    let _ = policy.call(async |_| Err::<(), _>("down")).await;
    tokio::time::advance(Duration::from_secs(5)).await;
    let probe = policy.call(async |_| std::future::pending::<Result<(), &str>>().await);
    assert!(tokio::time::timeout(MILLI, probe).await.is_err());
    assert_eq!(policy.call(async |_| Ok::<_, &str>(())).await, Ok(()));
    assert_eq!(policy.breaker().position(), Position::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_is_hedged_once_and_the_loser_is_dropped() {
    let hedge = HedgeRules::default().minimum_calls(10).at_least(20 * MILLI);
    let policy = policy(Rules::NONE.hedge(hedge).retry(retry()));
    for _ in 0..20 {
        let work = async |_| {
            tokio::time::sleep(10 * MILLI).await;
            Ok::<_, &str>(())
        };
        policy.call(work).await.unwrap();
    }
    let (calls, dropped) = (Cell::new(0), Cell::new(0));
    struct Running<'a>(&'a Cell<u32>);
    impl Drop for Running<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let work = async |_| {
        let _running = Running(&dropped);
        calls.set(calls.get() + 1);
        let slow = calls.get() == 1;
        tokio::time::sleep(if slow { 10_000 * MILLI } else { 10 * MILLI }).await;
        Ok::<_, &str>(slow)
    };
    let begun = Instant::now();
    assert_eq!(policy.call(work).await, Ok(false));
    assert!(begun.elapsed() < 50 * MILLI, "{:?}", begun.elapsed());
    assert_eq!((calls.get(), dropped.get()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_failed_and_waits_for_its_next_try_is_not_hedged() {
    let hedge = HedgeRules::default().minimum_calls(10).at_least(20 * MILLI);
    let policy = policy(Rules::NONE.hedge(hedge).retry(retry()));
    for _ in 0..20 {
        policy.call(async |_| Ok::<_, &str>(())).await.unwrap();
    }
    let calls = Cell::new(0);
    let work = async |_| {
        calls.set(calls.get() + 1);
        Err::<(), _>("down")
    };
    policy.call(work).await.unwrap_err();
    assert_eq!(calls.get(), 3, "the attempts of one call");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_counts_as_a_failure_is_retried_and_at_last_returned() {
    let judge = |result: &Result<u16, &str>| match result {
        Ok(503) => Outcome::Overload { retry_after: Some(200 * MILLI) },
        Ok(404) => Outcome::NotCounted,
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::Failure,
    };
    let policy = policy(Rules::NONE.retry(retry())).classified(judge);
    let (begun, calls) = (Instant::now(), Cell::new(0));
    let ask = async |status| {
        calls.set(calls.get() + 1);
        Ok::<u16, &str>(status)
    };
    assert_eq!(policy.call(|_| ask(404)).await, Ok(404));
    assert_eq!(calls.take(), 1);
    assert_eq!(policy.call(|_| ask(503)).await, Ok(503));
    assert_eq!((calls.get(), begun.elapsed()), (3, 700 * MILLI));
}

#[tokio::test(start_paused = true)]
async fn rules_are_replaced_as_a_whole_and_invalid_ones_change_nothing() {
    let policy = policy(Rules::NONE.retry(retry()));
    policy.change(Rules::NONE).unwrap();
    let error = policy.call(async |_| Err::<(), _>("down")).await.unwrap_err();
    assert!(matches!(error, CallError::Failed { attempts: 1, .. }), "{error:?}");
    let bad = retry().attempts(0);
    assert!(policy.change(Rules::NONE.retry(bad)).unwrap_err().to_string().contains("attempts"));
    assert_eq!(*policy.rules(), Rules::NONE);
}

#[tokio::test(start_paused = true)]
async fn with_every_call_failing_the_callee_sees_no_more_than_the_budget_pays_for() {
    let budget = BudgetRules::default().ratio(0.1).floor(1.0).savings(100);
    let policy = policy(Rules::NONE.retry(retry().budget(budget)));
    for _ in 0..1000 {
        policy.call(async |_| Ok::<_, &str>(())).await.unwrap();
    }
    let (calls, begun) = (Cell::new(0_u32), Instant::now());
    for _ in 0..1000 {
        let work = async |_| {
            calls.set(calls.get() + 1);
            Err::<(), _>("down")
        };
        let _ = policy.call(work).await;
        tokio::time::advance(MILLI).await;
    }
    let floor = begun.elapsed().as_secs_f64() + 1.0;
    assert!(f64::from(calls.get()) <= 1000.0 * 1.1 + floor, "{} calls", calls.get());
}

#[tokio::test(start_paused = true)]
async fn calls_over_the_rate_wait_for_their_turn_or_are_refused_with_a_retry_after() {
    let rate = RateRules::default().rate(10).burst(2);
    let limited = policy(Rules::NONE.rate(rate));
    let call = || limited.call(async |_| Ok::<_, &str>(()));
    assert_eq!((call().await, call().await), (Ok(()), Ok(())), "the burst");
    let refused = CallError::Refused {
        policy: "bank".into(),
        guard: Guard::RateLimit,
        retry_after: Some(100 * MILLI),
        cause: None,
    };
    assert_eq!(call().await, Err(refused));
    tokio::time::advance(100 * MILLI).await;
    assert_eq!(call().await, Ok(()));

    let patient = policy(Rules::NONE.rate(rate.patience(150 * MILLI)));
    let begun = Instant::now();
    for waited in [0, 0, 100] {
        assert_eq!(patient.call(async |_| Ok::<_, &str>(())).await, Ok(()));
        assert_eq!(begun.elapsed(), waited * MILLI);
    }
    // A wait that ends after the deadline is not begun.
    let hurried = Deadline::after(50 * MILLI).scope(patient.call(async |_| Ok::<_, &str>(()))).await;
    assert!(matches!(hurried, Ok(Err(CallError::Refused { guard: Guard::RateLimit, .. }))), "{hurried:?}");
    // Whoever goes away while it waits gives its turn back.
    drop(tokio::time::timeout(MILLI, patient.call(async |_| Ok::<_, &str>(()))).await);
    assert_eq!(patient.rate().quota(&rate, Instant::now()).reset, 199 * MILLI);
}
