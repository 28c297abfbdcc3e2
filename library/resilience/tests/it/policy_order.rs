//! Order of the guards of an attempt: the breaker comes first, so that an open one uses no turn and no permit.

use std::cell::Cell;
use std::time::Duration;

use evenkeel_resilience::breaker::{BreakerRules, Order, Ordered, Position, Window};
use evenkeel_resilience::bulkhead::{BulkheadRules, Load};
use evenkeel_resilience::policy::{CallError, GroupRules, Guard};
use evenkeel_resilience::rate_limit::RateRules;
use evenkeel_resilience::{Backoff, Jitter, Policy, Rules};
use tokio::time::Instant;

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

const NOBODY: Load = Load { in_flight: 0, waiting: 0 };

/// Opens after four failures, for a second, and has one probe.
fn breaker() -> BreakerRules {
    let wait = Backoff::new(SECOND, SECOND).spread(Jitter::None);
    BreakerRules::default().window(Window::Calls(4)).minimum_calls(4).wait(wait).probes(1)
}

fn rate() -> RateRules {
    RateRules::default().rate(1).per(10 * SECOND).burst(6).patience(Duration::ZERO)
}

fn bulkhead() -> BulkheadRules {
    BulkheadRules::default().permits(1).queue(8).patience(SECOND / 2)
}

fn policy(rules: Rules) -> Policy {
    Policy::new("bank", rules.breaker(breaker())).unwrap()
}

async fn opened(policy: &Policy) {
    for _ in 0..4 {
        policy.once(async |_| Err::<(), _>("down")).await.unwrap_err();
    }
    assert_eq!(policy.breaker().position(), Position::Open);
}

/// The guard that refuses a call that would be answered at once.
async fn refused(policy: &Policy) -> Option<Guard> {
    match policy.once(async |_| Ok::<_, &str>(())).await {
        Ok(()) => None,
        Err(CallError::Refused { guard, .. }) => Some(guard),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_takes_no_turn_of_the_rate_limit() {
    let policy = policy(Rules::NONE.rate(rate()));
    opened(&policy).await;
    for _ in 0..100 {
        assert_eq!(refused(&policy).await, Some(Guard::Breaker));
    }
    assert_eq!(policy.rate().quota(&rate(), Instant::now()).remaining, 2, "six less the four that failed");
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_at_once_and_takes_no_permit() {
    let all = bulkhead().permits(2);
    let groups = vec![GroupRules::new("batch", bulkhead())];
    let policy = policy(Rules::NONE.bulkhead(all).groups(groups));
    let batch = policy.group("batch").unwrap();
    // Permits of both are taken by a call from before.
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let released = Cell::new(Some(released));
    let holding = batch.once(async |_| {
        released.take().unwrap().await.unwrap();
        Ok::<_, &str>(())
    });
    let meanwhile = async {
        opened(&policy).await;
        let begun = Instant::now();
        assert_eq!((refused(&batch).await, refused(&policy).await), (Some(Guard::Breaker), Some(Guard::Breaker)));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        let waiting = (policy.bulkhead().load().waiting, batch.bulkhead().load().waiting);
        release.send(()).unwrap();
        waiting
    };
    assert_eq!(tokio::join!(holding, meanwhile), (Ok(()), (0, 0)));
    assert_eq!((policy.bulkhead().load(), batch.bulkhead().load()), (NOBODY, NOBODY));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waited_while_the_breaker_opened_is_refused() {
    let policy = policy(Rules::NONE.bulkhead(bulkhead()));
    let fails = || {
        policy.once(async |_| {
            tokio::time::sleep(10 * MILLI).await;
            Err::<(), _>("down")
        })
    };
    // Four have the permit one after the other, and the last of them opens the breaker before it hands it on.
    let (.., last) = tokio::join!(fails(), fails(), fails(), fails(), refused(&policy));
    assert_eq!((policy.breaker().position(), last), (Position::Open, Some(Guard::Breaker)));
    assert_eq!(policy.bulkhead().load(), NOBODY);
    // An operator that forces it open is heard by who waits, too.
    tokio::time::advance(2 * SECOND).await;
    assert_eq!(refused(&policy).await, None);
    let held = policy.bulkhead().try_enter(&bulkhead()).unwrap();
    let order = async {
        policy.order(Some(Ordered { order: Order::Open, author: "ada".into(), reason: "the bank moves".into() }));
        drop(held);
    };
    assert_eq!(tokio::join!(refused(&policy), order).0, Some(Guard::Breaker));
    assert_eq!(policy.bulkhead().load(), NOBODY);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_a_later_guard_refuses_is_given_back() {
    let policy = policy(Rules::NONE.rate(rate().burst(4)).bulkhead(bulkhead().queue(0)));
    opened(&policy).await;
    tokio::time::advance(2 * SECOND).await;
    // The burst is used up, and the one probe is not: the breaker refuses nobody.
    for _ in 0..3 {
        assert_eq!(refused(&policy).await, Some(Guard::RateLimit));
        assert_eq!(policy.breaker().position(), Position::HalfOpen);
    }
    policy.change((*policy.rules()).clone().rate(None)).unwrap();
    let held = policy.bulkhead().try_enter(&bulkhead()).unwrap();
    for _ in 0..3 {
        assert_eq!(refused(&policy).await, Some(Guard::Bulkhead));
    }
    drop(held);
    assert_eq!(refused(&policy).await, None);
    assert_eq!(policy.breaker().position(), Position::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_waits_in_vain_or_leaves_the_queue_is_given_back() {
    let policy = policy(Rules::NONE.bulkhead(bulkhead()));
    opened(&policy).await;
    tokio::time::advance(2 * SECOND).await;
    let held = policy.bulkhead().try_enter(&bulkhead()).unwrap();
    assert_eq!(refused(&policy).await, Some(Guard::Bulkhead), "after its patience");
    let leaves = tokio::time::timeout(MILLI, refused(&policy)).await;
    assert!(leaves.is_err());
    drop(held);
    assert_eq!(refused(&policy).await, None);
    assert_eq!((policy.breaker().position(), policy.bulkhead().load()), (Position::Closed, NOBODY));
}
