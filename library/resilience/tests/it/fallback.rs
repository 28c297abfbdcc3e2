//! Fallbacks of a policy.

use std::cell::Cell;
use std::time::Duration;

use evenkeel_resilience::policy::CallError;
use evenkeel_resilience::retry::Stop;
use evenkeel_resilience::stale::StaleRules;
use evenkeel_resilience::{FallbackOutcome, Outcome, Policy, Rules, Stale};
use vitals::{Registry, TableValue};

const SECOND: Duration = Duration::from_secs(1);

fn policy(fallback: bool, deadline: Option<Duration>) -> Policy {
    Policy::new("prices", Rules::NONE.fallback(fallback).deadline(deadline)).unwrap()
}

async fn away() -> Result<u32, &'static str> {
    Err("away")
}

#[tokio::test(start_paused = true)]
async fn the_caller_sees_whether_it_got_an_answer_or_something_else() {
    let policy = policy(true, None);
    let fresh = policy.call_or(async |_| Ok::<_, &str>(3), async |_| Some(0)).await.unwrap();
    assert_eq!(fresh, FallbackOutcome::Fresh(3));
    let other = policy.call_or(|_| away(), async |cause| matches!(cause, CallError::Failed { .. }).then_some(0)).await;
    let other = other.unwrap();
    assert!(!other.is_fresh() && matches!(other.cause(), Some(CallError::Failed { cause: "away", .. })));
    assert_eq!(other.into_value(), 0);
    let none = policy.call_or(|_| away(), async |_| None).await.unwrap_err();
    assert!(matches!(none, CallError::Failed { cause: "away", .. }));
}

#[tokio::test(start_paused = true)]
async fn fallbacks_are_counted_and_can_be_turned_off() {
    let (policy, registry) = (policy(true, None), Registry::new());
    policy.register(&registry);
    let fell_back = || {
        let table = registry.snapshot().into_iter().find(|table| table.table.name == "policy").unwrap();
        let column = table.table.columns.iter().position(|column| column.name == "calls_fallen_back").unwrap();
        table.rows[0][column].clone()
    };
    policy.call_or(|_| away(), async |_| Some(0)).await.unwrap();
    assert_eq!(fell_back(), TableValue::Count(1));
    policy.change(Rules::NONE).unwrap();
    let asked = Cell::new(false);
    let error = policy.call_or(|_| away(), async |_| asked.replace(true).then_some(0)).await;
    assert!(error.is_err() && !asked.get());
    assert_eq!(fell_back(), TableValue::Count(1));
}

#[tokio::test(start_paused = true)]
async fn an_alternative_has_the_remaining_time_and_a_default_needs_none() {
    let policy = policy(true, Some(SECOND));
    let begun = tokio::time::Instant::now();
    let slow = async |_: &CallError<&str>| {
        tokio::time::sleep(5 * SECOND).await;
        Some(0)
    };
    assert!(policy.call_or(|_| away(), slow).await.is_err());
    assert_eq!(begun.elapsed(), SECOND);
    let hangs = async |_| std::future::pending::<Result<u32, &str>>().await;
    let default = policy.call_or(hangs, async |_| Some(7)).await.unwrap();
    assert_eq!((default.is_fresh(), default.into_value()), (false, 7));
}

#[tokio::test(start_paused = true)]
async fn the_last_good_answer_says_how_old_it_is() {
    let (policy, last, rules) = (policy(true, None), Stale::new(), StaleRules::default().max_age(60 * SECOND));
    assert!(policy.call_or_stale(&last, &rules, |_| away()).await.is_err());
    assert!(policy.call_or_stale(&last, &rules, async |_| Ok::<_, &str>(3)).await.unwrap().is_fresh());
    tokio::time::advance(5 * SECOND).await;
    let FallbackOutcome::Stale { value, age, .. } = policy.call_or_stale(&last, &rules, |_| away()).await.unwrap()
    else {
        panic!("the last good answer is known");
    };
    assert_eq!((*value, age), (3, 5 * SECOND));
    policy.change(Rules::NONE).unwrap();
    assert!(policy.call_or_stale(&last, &rules, |_| away()).await.is_err());
}

/// A status; from 500 on it counts as a failure.
fn judged(policy: Policy) -> Policy<impl Fn(&Result<u16, &'static str>) -> Outcome + Clone> {
    policy.classified(|result: &Result<u16, &'static str>| match result {
        Ok(500..) | Err(_) => Outcome::Failure,
        Ok(404) => Outcome::NotCounted,
        Ok(_) => Outcome::Success,
    })
}

async fn status(status: u16) -> Result<u16, &'static str> {
    Ok(status)
}

fn fallen_back(registry: &Registry) -> TableValue {
    let tables = registry.snapshot();
    let table = tables.iter().find(|table| table.table.name == "policy").unwrap();
    let column = table.table.columns.iter().position(|column| column.name == "calls_fallen_back").unwrap();
    table.rows[0][column].clone()
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_counts_as_a_failure_is_not_fresh_and_the_alternative_stands_in_for_it() {
    let (policy, registry) = (judged(policy(true, None)), Registry::new());
    policy.register(&registry);
    let given = policy.call_or(|_| status(500), async |_| Some(200)).await.unwrap();
    let FallbackOutcome::Fallback { value: 200, cause: CallError::BadAnswer { attempts: 1, stop, .. } } = given else {
        panic!("{given:?}");
    };
    assert_eq!((stop, fallen_back(&registry)), (Stop::NoRetries, TableValue::Count(1)));
    assert!(policy.call_or(|_| status(404), async |_| Some(200)).await.unwrap().is_fresh());
    // Nothing stands in for it: the caller gets what there is, and sees that it is no good.
    for fallback in [true, false] {
        policy.change(Rules::NONE.fallback(fallback)).unwrap();
        let given = policy.call_or(|_| status(503), async |_| None).await.unwrap();
        assert!(matches!(&given, FallbackOutcome::Failed { value: 503, .. }) && !given.is_fresh(), "{given:?}");
        let text = "prices gave an answer that counts as a failure, after 1 attempt";
        assert_eq!(given.cause().unwrap().to_string(), text);
    }
    assert_eq!(fallen_back(&registry), TableValue::Count(1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_counts_as_a_failure_is_never_the_last_good_one() {
    let (policy, registry, rules) =
        (judged(policy(true, None)), Registry::new(), StaleRules::default().max_age(60 * SECOND));
    policy.register(&registry);
    let last = Stale::new();
    let given = policy.call_or_stale(&last, &rules, |_| status(500)).await.unwrap();
    assert!(matches!(&given, FallbackOutcome::Failed { value, .. } if **value == 500), "{given:?}");
    assert!(policy.call_or_stale(&last, &rules, |_| status(200)).await.unwrap().is_fresh());
    tokio::time::advance(SECOND).await;
    let given = policy.call_or_stale(&last, &rules, |_| status(500)).await.unwrap();
    assert!(matches!(given, FallbackOutcome::Stale { cause: CallError::BadAnswer { .. }, .. }), "{given:?}");
    assert_eq!(*given.into_value(), 200);
    let given = policy.call_or_stale(&last, &rules, async |_| Err("away")).await.unwrap();
    assert_eq!((*given.into_value(), fallen_back(&registry)), (200, TableValue::Count(2)));
    // What says nothing about the callee is an answer as good as any.
    assert!(policy.call_or_stale(&last, &rules, |_| status(404)).await.unwrap().is_fresh());
    assert_eq!(*last.last_good(&rules, tokio::time::Instant::now()).unwrap().0, 404);
}
