//! The bulkhead through its public interface.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use evenkeel_resilience::bulkhead::{Bulkhead, BulkheadRules, Full, Load, Permit, Queueing};
use proptest::prelude::*;
use tokio::time::Instant;

const MILLI: Duration = Duration::from_millis(1);

fn rules(permits: u32, queue: u32) -> BulkheadRules {
    BulkheadRules::default().permits(permits).queue(queue).patience(100 * MILLI).order(Queueing::Fifo)
}

type Entering<'a> = Pin<Box<dyn Future<Output = Result<Permit<'a>, Full>> + 'a>>;

fn enter<'a>(bulkhead: &'a Bulkhead, rules: &'a BulkheadRules) -> Entering<'a> {
    Box::pin(bulkhead.enter(rules, None, Instant::now()))
}

fn poll<'a>(entering: &mut Entering<'a>) -> Option<Result<Permit<'a>, Full>> {
    match entering.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        std::task::Poll::Ready(entered) => Some(entered),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test(start_paused = true)]
async fn calls_over_the_permits_wait_and_calls_over_the_queue_are_refused() {
    let (bulkhead, rules) = (Bulkhead::new(), rules(2, 1));
    let inside = [bulkhead.try_enter(&rules).unwrap(), bulkhead.try_enter(&rules).unwrap()];
    let mut waiting = enter(&bulkhead, &rules);
    assert!(poll(&mut waiting).is_none());
    assert_eq!(enter(&bulkhead, &rules).await.unwrap_err(), Full::Queue);
    assert_eq!(bulkhead.load(), Load { in_flight: 2, waiting: 1 });
    drop(inside);
    let entered = waiting.await.unwrap();
    assert_eq!(bulkhead.load(), Load { in_flight: 1, waiting: 0 });
    drop(entered);
    assert_eq!(bulkhead.load(), Load { in_flight: 0, waiting: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_too_long_is_refused_and_leaves_the_queue() {
    let (bulkhead, rules) = (Bulkhead::new(), rules(1, 1));
    let _inside = bulkhead.try_enter(&rules).unwrap();
    let start = Instant::now();
    assert_eq!(enter(&bulkhead, &rules).await.unwrap_err(), Full::Patience);
    assert_eq!(start.elapsed(), 100 * MILLI);
    let sooner = bulkhead.enter(&rules, Some(Instant::now() + 30 * MILLI), Instant::now()).await;
    assert_eq!(sooner.unwrap_err(), Full::Patience);
    assert_eq!(start.elapsed(), 130 * MILLI);
    assert_eq!(bulkhead.load(), Load { in_flight: 1, waiting: 0 });
}

#[tokio::test(start_paused = true)]
async fn later_calls_do_not_overtake_waiting_ones() {
    let (bulkhead, rules) = (Bulkhead::new(), rules(1, 4));
    let inside = bulkhead.try_enter(&rules).unwrap();
    let mut waiting: Vec<_> = (0..3).map(|_| enter(&bulkhead, &rules)).collect();
    waiting.iter_mut().for_each(|entering| assert!(poll(entering).is_none()));
    drop(inside);
    assert!(bulkhead.try_enter(&rules).is_none());
    for entering in &mut waiting {
        drop(poll(entering).expect("its turn").unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn once_the_oldest_has_waited_too_long_the_newest_is_first() {
    let bulkhead = Bulkhead::new();
    let rules = rules(1, 4).order(Queueing::AdaptiveLifo(10 * MILLI));
    let inside = bulkhead.try_enter(&rules).unwrap();
    let mut old = enter(&bulkhead, &rules);
    assert!(poll(&mut old).is_none());
    tokio::time::advance(20 * MILLI).await;
    let mut new = enter(&bulkhead, &rules);
    assert!(poll(&mut new).is_none());
    drop(inside);
    assert!(poll(&mut old).is_none());
    drop(poll(&mut new).expect("the newest").unwrap());
    assert!(poll(&mut old).expect("its turn").is_ok());
}

#[tokio::test(start_paused = true)]
async fn raising_the_permits_admits_waiting_calls_and_lowering_them_blocks_no_release() {
    let (bulkhead, narrow, wide) = (Bulkhead::new(), rules(1, 4), rules(3, 4));
    let inside = bulkhead.try_enter(&narrow).unwrap();
    let mut waiting: Vec<_> = (0..3).map(|_| enter(&bulkhead, &narrow)).collect();
    waiting.iter_mut().for_each(|entering| assert!(poll(entering).is_none()));
    bulkhead.widen(&wide, Instant::now());
    assert_eq!(bulkhead.load(), Load { in_flight: 3, waiting: 1 });
    let entered: Vec<_> = waiting.iter_mut().take(2).map(|entering| poll(entering).unwrap().unwrap()).collect();
    drop((inside, entered));
    drop(poll(&mut waiting[2]).unwrap());
    assert_eq!(bulkhead.load(), Load { in_flight: 0, waiting: 0 });
}

#[test]
fn invalid_rules_are_rejected() {
    assert!(rules(0, 0).check().unwrap_err().to_string().contains("at least 1"));
    assert!(rules(1, 200_000).check().unwrap_err().to_string().contains("100000"));
    assert_eq!(BulkheadRules::default().check(), Ok(()));
}

#[derive(Clone, Debug)]
enum Step {
    Enter,
    /// Polls one of the waiting calls again.
    Poll(prop::sample::Index),
    /// One of those under way, waiting or not, goes away.
    Cancel(prop::sample::Index),
    Leave(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Enter),
        2 => any::<prop::sample::Index>().prop_map(Step::Poll),
        1 => any::<prop::sample::Index>().prop_map(Step::Cancel),
        2 => any::<prop::sample::Index>().prop_map(Step::Leave),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Checks that dropped callers, at any time, leave the limit intact: no one waits while there is a permit, and nothing is left behind.
    #[test]
    fn no_permit_is_lost_or_doubled_when_calls_are_dropped_at_any_time(
        steps in prop::collection::vec(step(), 1..120), permits in 1_u32..4, queue in 0_u32..4, lifo in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let _context = runtime.enter();
        let order = if lifo { Queueing::AdaptiveLifo(Duration::ZERO) } else { Queueing::Fifo };
        let (bulkhead, rules) = (Bulkhead::new(), rules(permits, queue).order(order));
        let (mut entering, mut inside): (Vec<Entering<'_>>, Vec<Permit<'_>>) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Enter => {
                    let mut new = enter(&bulkhead, &rules);
                    match poll(&mut new) {
                        Some(Ok(permit)) => inside.push(permit),
                        Some(Err(full)) => {
                            prop_assert_eq!(full, Full::Queue);
                            let load = bulkhead.load();
                            prop_assert_eq!((load.in_flight, load.waiting), (permits, queue));
                        }
                        None => entering.push(new),
                    }
                }
                Step::Poll(which) if !entering.is_empty() => {
                    let which = which.index(entering.len());
                    if let Some(entered) = poll(&mut entering[which]) {
                        inside.push(entered.unwrap());
                        drop(entering.swap_remove(which));
                    }
                }
                Step::Cancel(which) if !entering.is_empty() => drop(entering.swap_remove(which.index(entering.len()))),
                Step::Leave(which) if !inside.is_empty() => drop(inside.swap_remove(which.index(inside.len()))),
                _ => {}
            }
            let load = bulkhead.load();
            prop_assert!(load.in_flight <= permits && load.waiting <= queue, "{:?}", load);
            // Those that were given a permit and have not looked yet are inside too.
            prop_assert!(load.in_flight as usize >= inside.len());
            prop_assert_eq!(load.in_flight as usize + load.waiting as usize, inside.len() + entering.len());
            prop_assert!(load.waiting == 0 || load.in_flight == permits, "somebody waits beside a free permit: {:?}", load);
        }
        drop((entering, inside));
        prop_assert_eq!(bulkhead.load(), Load { in_flight: 0, waiting: 0 });
    }
}
