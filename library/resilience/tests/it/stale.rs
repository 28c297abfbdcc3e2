//! The last good answer and the fallback through their public interface.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use evenkeel_resilience::stale::{FallbackOutcome, Stale, StaleRules, or_else};
use proptest::prelude::*;
use tokio::time::{Instant, advance};

const SECOND: Duration = Duration::from_secs(1);
const RULES: StaleRules = StaleRules::of(Duration::from_secs(60));

async fn give(answer: Result<u32, &'static str>) -> Result<u32, &'static str> {
    answer
}

#[tokio::test(start_paused = true)]
async fn the_last_good_answer_is_given_with_its_age_and_the_cause_until_it_is_too_old() {
    let stale = Stale::new();
    let ask = |answer| stale.or_stale(&RULES, Instant::now(), give(answer));
    assert_eq!(ask(Err("down")).await, Err("down"));
    let fresh = ask(Ok(7)).await.unwrap();
    assert!(fresh.is_fresh() && fresh.cause().is_none());
    advance(60 * SECOND).await;
    let old = ask(Err("down")).await.unwrap();
    assert_eq!(old, FallbackOutcome::Stale { value: Arc::new(7), age: 60 * SECOND, cause: "down" });
    assert!(!old.is_fresh() && old.cause() == Some(&"down"));
    assert_eq!(*old.into_value(), 7);
    advance(SECOND).await;
    assert_eq!(ask(Err("down")).await, Err("down"));
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_does_not_become_younger_by_being_given() {
    let stale = Stale::new();
    stale.keep(Arc::new(1), Instant::now());
    for second in 1..=60 {
        advance(SECOND).await;
        let answer = stale.or_stale(&RULES, Instant::now(), give(Err("down"))).await.unwrap();
        assert_eq!(answer, FallbackOutcome::Stale { value: Arc::new(1), age: second * SECOND, cause: "down" });
    }
    advance(SECOND).await;
    assert!(stale.last_good(&RULES, Instant::now()).is_none());
}

#[tokio::test(start_paused = true)]
async fn the_time_that_a_failing_call_took_makes_the_answer_older() {
    let stale = Stale::new();
    stale.keep(Arc::new(1), Instant::now());
    let slow = async {
        tokio::time::sleep(5 * SECOND).await;
        Err::<u32, _>("timeout")
    };
    let answer = stale.or_stale(&RULES, Instant::now(), slow).await.unwrap();
    assert_eq!(answer, FallbackOutcome::Stale { value: Arc::new(1), age: 5 * SECOND, cause: "timeout" });
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_keeps_no_answer_and_a_forgotten_answer_is_gone() {
    let stale = Stale::<u32>::new();
    {
        let call = pin!(stale.or_stale(&RULES, Instant::now(), std::future::pending::<Result<u32, ()>>()));
        assert!(call.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert!(stale.last_good(&RULES, Instant::now()).is_none());
    stale.keep(Arc::new(1), Instant::now());
    stale.forget();
    assert!(stale.last_good(&RULES, Instant::now()).is_none());
}

#[tokio::test]
async fn a_fallback_says_that_it_is_one_and_why() {
    assert_eq!(or_else(give(Ok(1)), |_| give(Ok(2))).await, Ok(FallbackOutcome::Fresh(1)));
    assert_eq!(
        or_else(give(Err("down")), |_| give(Ok(2))).await,
        Ok(FallbackOutcome::Fallback { value: 2, cause: "down" })
    );
    assert_eq!(or_else(give(Err("down")), |_| give(Err("down too"))).await, Err("down too"));
    assert_eq!(or_else(give(Err("not yours")), |cause| give(Err(cause))).await, Err("not yours"));
}

#[tokio::test]
async fn the_alternative_is_not_called_while_the_call_succeeds() {
    let answer = or_else(give(Ok(1)), |_| async { unreachable!("asked") }).await;
    assert_eq!(answer, Ok::<_, &str>(FallbackOutcome::Fresh(1)));
}

#[test]
fn invalid_rules_are_rejected() {
    assert!(StaleRules::default().max_age(Duration::ZERO).check().unwrap_err().to_string().contains("age limit of 0"));
    assert_eq!(StaleRules::default().check(), Ok(()));
}

proptest! {
    /// Answers come in any order: the one that was requested last is kept.
    #[test]
    fn the_answer_requested_last_is_kept(asked in prop::collection::vec(0_u64..100, 1..20)) {
        let (start, stale) = (Instant::now(), Stale::new());
        for (number, second) in asked.iter().enumerate() {
            stale.keep(Arc::new(number), start + Duration::from_secs(*second));
            let youngest = asked[..=number].iter().max().unwrap();
            let last = asked[..=number].iter().rposition(|second| second == youngest).unwrap();
            let kept = stale.last_good(&RULES, start + Duration::from_secs(youngest + 3)).unwrap();
            prop_assert_eq!(kept, (Arc::new(last), 3 * SECOND));
        }
    }
}
