//! Waits and timeouts without waiting: with a paused clock, time advances as soon as every task waits.

use std::cell::Cell;
use std::time::Duration;

use evenkeel::resilience::{CallError, Policy, Rules};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn delivery_is_asked_for_once_a_second_and_for_a_minute() {
    let (begin, asked) = (Instant::now(), Cell::new(0));
    let third = orders::was_delivered(async || asked.replace(asked.get() + 1) == 2);
    assert!(third.await);
    assert_eq!(begin.elapsed(), Duration::from_secs(2));

    let begin = Instant::now();
    assert!(!orders::was_delivered(async || false).await);
    assert_eq!(begin.elapsed(), Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_ends_at_the_deadline_of_its_policy() {
    let rules = Rules::default().deadline(Some(Duration::from_secs(3)));
    let policy = Policy::new("stock", rules).unwrap();
    let begin = Instant::now();
    let hung = policy.call(async |_attempt| std::future::pending::<Result<(), std::io::Error>>().await).await;
    assert!(matches!(hung, Err(CallError::TimedOut { .. })), "{hung:?}");
    assert_eq!(begin.elapsed(), Duration::from_secs(3));
}
