//! Views of a policy: as a layer of tower, as a row of the registry, by its events, by orders.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use evenkeel_resilience::breaker::{BreakerRules, Order, Ordered, Window};
use evenkeel_resilience::budget::BudgetRules;
use evenkeel_resilience::policy::{CallError, Guard, PolicyLayer};
use evenkeel_resilience::retry::RetryRules;
use evenkeel_resilience::{Backoff, Policy, Rules};
use tower::{Layer, ServiceExt, service_fn};
use vitals::{Registry, TableValue};

fn retrying() -> Rules {
    let budget = BudgetRules::default().floor(100.0);
    let backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(10));
    Rules::NONE.retry(RetryRules::default().backoff(backoff).budget(budget))
}

fn opening() -> Rules {
    let breaker = BreakerRules::default().window(Window::Calls(10)).minimum_calls(3);
    Rules::NONE.breaker(breaker)
}

/// The policy's only row, by column.
fn shown(registry: &Registry, column: &str) -> TableValue {
    let snapshot = registry.snapshot().into_iter().find(|snapshot| snapshot.table.name == "policy").expect("a table");
    let at = snapshot.table.columns.iter().position(|known| known.name == column).expect("a column");
    assert_eq!(snapshot.rows.len(), 1);
    snapshot.rows[0][at].clone()
}

#[tokio::test(start_paused = true)]
async fn a_service_behind_the_layer_gets_again_only_the_requests_that_may_be_repeated() {
    let calls = Arc::new(AtomicU32::new(0));
    let service = service_fn({
        let calls = Arc::clone(&calls);
        move |name: &'static str| {
            let number = calls.fetch_add(1, Ordering::Relaxed);
            async move { if number.is_multiple_of(2) { Err("down") } else { Ok(name) } }
        }
    });
    let policy = Policy::new("bank", retrying()).expect("rules");
    let bank = PolicyLayer::new(policy).repeats(|name: &&str| *name == "read").layer(service);
    assert_eq!(bank.clone().oneshot("read").await.expect("an answer"), "read");
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    let error = bank.oneshot("pay").await.unwrap_err();
    assert!(matches!(error, CallError::Failed { attempts: 1, .. }), "{error:?}");
    assert_eq!(error.cause().map(ToString::to_string).as_deref(), Some("down"));
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_service_behind_the_layer_follows_the_rules_that_were_given_last() {
    let calls = Arc::new(AtomicU32::new(0));
    let service = service_fn({
        let calls = Arc::clone(&calls);
        move |_: ()| {
            calls.fetch_add(1, Ordering::Relaxed);
            async { Err::<(), _>("down") }
        }
    });
    let policy = Policy::new("bank", retrying()).expect("rules");
    let bank = PolicyLayer::new(policy.clone()).repeats(|()| true).layer(service);
    bank.clone().oneshot(()).await.unwrap_err();
    let before = calls.swap(0, Ordering::Relaxed);
    policy.change(Rules::NONE).unwrap();
    bank.oneshot(()).await.unwrap_err();
    assert_eq!((before > 1, calls.load(Ordering::Relaxed)), (true, 1), "{before}");
}

#[tokio::test(start_paused = true)]
async fn the_registry_shows_the_outcomes_of_calls_and_the_changes_of_the_breaker() {
    let (registry, policy) = (Registry::new(), Policy::new("bank", opening()).expect("rules"));
    policy.register(&registry);
    policy.register(&registry);
    let mut events = registry.bus().listen();
    assert_eq!(policy.call(async |_| Ok::<_, ()>(1)).await, Ok(1));
    for _ in 0..2 {
        let _ = policy.call(async |_| Err::<(), _>(())).await;
    }
    let refused = policy.call(async |_| Ok::<_, ()>(1)).await.unwrap_err();
    assert!(matches!(refused, CallError::Refused { guard: Guard::Breaker, .. }), "{refused:?}");

    assert_eq!(shown(&registry, "breaker"), TableValue::text("open"));
    assert_eq!(shown(&registry, "breaker_open"), TableValue::Flag(true));
    let counts = ["calls_answered", "calls_failed", "refused_by_breaker", "calls_retried"];
    assert_eq!(counts.map(|column| shown(&registry, column)), [1, 2, 1, 0].map(TableValue::Count));
    let event = events.try_recv().expect("the breaker's opening");
    assert_eq!((event.part, &*event.name, &*event.state), ("breaker", "bank", "open"));
    assert_eq!(event.reason, "too many failures");
}

#[tokio::test(start_paused = true)]
async fn an_order_is_shown_and_published_with_its_author_and_reason() {
    let (registry, policy) = (Registry::new(), Policy::new("bank", opening()).expect("rules"));
    policy.register(&registry);
    let mut events = registry.bus().listen();
    let (author, reason) = ("ada".to_owned(), "the bank asked us to".to_owned());
    policy.order(Some(Ordered { order: Order::Open, author, reason }));
    assert_eq!(shown(&registry, "breaker"), TableValue::text("forced open"));
    assert_eq!(shown(&registry, "breaker_order"), TableValue::text("ada: the bank asked us to"));
    assert_eq!(shown(&registry, "breaker_open"), TableValue::Flag(true));
    assert!(policy.call(async |_| Ok::<_, ()>(1)).await.is_err());
    policy.order(None);
    assert_eq!(shown(&registry, "breaker"), TableValue::text("closed"));
    assert_eq!(policy.call(async |_| Ok::<_, ()>(1)).await, Ok(1));
    let said = [events.try_recv(), events.try_recv()].map(|event| event.expect("an event").reason.clone());
    assert_eq!(said, ["ada: the bank asked us to", "the order was taken back"]);
}

#[tokio::test(start_paused = true)]
async fn the_row_of_a_policy_leaves_with_the_policy() {
    let registry = Registry::new();
    let policy = Policy::new("bank", Rules::NONE).expect("rules");
    policy.register(&registry);
    assert_eq!(shown(&registry, "breaker"), TableValue::text("off"));
    drop(policy);
    assert!(registry.snapshot().is_empty());
}
