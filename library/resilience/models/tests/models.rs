//! Threads that share a guard, in many of the orders in which they can run.
//!
//! Orders are drawn at random (probabilistic concurrency testing: Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees
//! of Finding Bugs", ASPLOS 2010). A failure prints the order that it was found in, which `shuttle::replay` runs again.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use resilience_models::backoff::{Backoff, Jitter};
use resilience_models::breaker::{Breaker, BreakerRules, Position, Window};
use resilience_models::budget::{Budget, BudgetRules};
use resilience_models::bulkhead::{Bulkhead, BulkheadRules, Load, Queueing};
use resilience_models::coalesce::Coalescer;
use resilience_models::outcome::Outcome;
use resilience_models::rate_limit::{RateLimit, RateRules};
use shuttle::sync::atomic::{AtomicU32, Ordering};
use shuttle::thread;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);
/// Orders that are tried of each model.
const ORDERS: usize = 1000;
/// Changes of thread at the worst moment within one order.
const DEPTH: usize = 3;

/// Runs the interleavings of `model`, within a runtime with a paused clock.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    shuttle::check_pct(model, ORDERS, DEPTH);
}

/// Runs this on several threads, and waits for all of them.
fn together<T: Send + 'static>(threads: usize, run: impl Fn(usize) -> T + Send + Sync + 'static) -> Vec<T> {
    let run = Arc::new(run);
    let start = |number| {
        let run = Arc::clone(&run);
        thread::spawn(move || run(number))
    };
    let running: Vec<_> = (0..threads).map(start).collect();
    running.into_iter().map(|thread| thread.join().unwrap()).collect()
}

/// Polls a future once.
fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

fn breaker_rules() -> BreakerRules {
    let wait = Backoff::new(SECOND, SECOND).spread(Jitter::None);
    BreakerRules::default().window(Window::Calls(4)).minimum_calls(2).probes(2).wait(wait)
}

/// Returns an open breaker, the moment at which its wait is over, and a ticket from before it opened.
fn open() -> (Breaker, Instant, resilience_models::breaker::Ticket) {
    let (rules, now) = (breaker_rules(), Instant::now());
    let breaker = Breaker::new(now);
    let (early, _) = breaker.admit(&rules, now).unwrap();
    for _ in 0..2 {
        let (ticket, _) = breaker.admit(&rules, now).unwrap();
        breaker.settle(&rules, ticket, Outcome::Failure, MILLI, now);
    }
    assert_eq!(breaker.position(), Position::Open);
    (breaker, now + 2 * SECOND, early)
}

#[test]
fn half_open_admits_the_configured_probes_in_any_order_of_threads() {
    check(|| {
        let (breaker, now, _) = open();
        let breaker = Arc::new(breaker);
        let admitting = Arc::clone(&breaker);
        let tickets = together(3, move |_| admitting.admit(&breaker_rules(), now).ok().map(|(ticket, _)| ticket));
        let tickets: Vec<_> = tickets.into_iter().flatten().collect();
        assert_eq!((tickets.len(), breaker.position()), (2, Position::HalfOpen));
        let settling = Arc::clone(&breaker);
        let tickets = Arc::new(std::sync::Mutex::new(tickets));
        together(2, move |_| {
            let ticket = tickets.lock().unwrap().pop().unwrap();
            settling.settle(&breaker_rules(), ticket, Outcome::Success, MILLI, now)
        });
        assert_eq!(breaker.position(), Position::Closed);
    });
}

#[test]
fn a_late_answer_does_not_count_in_a_later_epoch() {
    check(|| {
        let (breaker, now, early) = open();
        let (breaker, early) = (Arc::new(breaker), Arc::new(std::sync::Mutex::new(Some(early))));
        let racing = Arc::clone(&breaker);
        together(2, move |number| {
            let rules = breaker_rules();
            if number == 0 {
                let early = early.lock().unwrap().take().unwrap();
                racing.settle(&rules, early, Outcome::Failure, MILLI, now);
            } else {
                for _ in 0..2 {
                    let (ticket, _) = racing.admit(&rules, now).expect("a probe");
                    racing.settle(&rules, ticket, Outcome::Success, MILLI, now);
                }
            }
        });
        assert_eq!(breaker.position(), Position::Closed);
        assert_eq!(breaker.totals(&breaker_rules(), now).failed, 0);
    });
}

#[test]
fn outcomes_that_come_together_are_all_counted() {
    check(|| {
        let now = Instant::now();
        let breaker = Arc::new(Breaker::new(now));
        let calling = Arc::clone(&breaker);
        let rules = || breaker_rules().minimum_calls(4);
        together(3, move |number| {
            let (ticket, _) = calling.admit(&rules(), now).unwrap();
            let outcome = if number == 0 { Outcome::Success } else { Outcome::Failure };
            calling.settle(&rules(), ticket, outcome, MILLI, now);
        });
        let totals = breaker.totals(&rules(), now);
        assert_eq!((totals.calls, totals.failed), (3, 2));
    });
}

#[test]
fn a_budget_pays_no_more_than_it_has() {
    check(|| {
        let rules = BudgetRules::default().ratio(0.5).floor(0.0);
        let now = Instant::now();
        let budget = Arc::new(Budget::new(now));
        let spending = Arc::clone(&budget);
        let paid = together(3, move |number| {
            if number == 0 {
                (0..4).for_each(|_| spending.deposit(&rules));
                0
            } else {
                (0..2).filter(|_| spending.withdraw(&rules, now)).count()
            }
        });
        let paid: usize = paid.into_iter().sum();
        assert!(paid <= 2, "{paid} repeats for four successes at a half");
        assert!((budget.saved() - (2.0 - paid as f64)).abs() < 0.01, "{} left after {paid}", budget.saved());
    });
}

#[test]
fn a_rate_limit_lets_the_burst_pass_and_no_more() {
    check(|| {
        let rules = RateRules::default().rate(1).burst(2);
        let now = Instant::now();
        let limit = Arc::new(RateLimit::new(now));
        let passed = together(3, move |_| (0..2).filter(|_| limit.try_pass(&rules, 1, now).is_ok()).count());
        assert_eq!(passed.into_iter().sum::<usize>(), 2);
    });
}

#[test]
fn a_turn_is_given_back_once() {
    check(|| {
        let rules = RateRules::default().rate(1).burst(1).patience(10 * SECOND);
        let now = Instant::now();
        let limit = Arc::new(RateLimit::new(now));
        limit.try_pass(&rules, 1, now).unwrap();
        let waiting = Arc::clone(&limit);
        // Both queue up, and go away again.
        together(2, move |_| {
            let mut turn = Box::pin(waiting.pass(&rules, 1, None, now));
            assert!(poll(turn.as_mut()).is_none());
        });
        let owed = limit.quota(&rules, now).reset;
        assert!((SECOND..=3 * SECOND).contains(&owed), "at least what passed, at most what queued up: {owed:?}");
    });
}

fn bulkhead_rules(permits: u32) -> BulkheadRules {
    BulkheadRules::default().permits(permits).queue(8).patience(10 * SECOND).order(Queueing::Fifo)
}

#[test]
fn no_more_calls_are_admitted_than_there_are_permits() {
    check(|| {
        let (bulkhead, inside) = (Arc::new(Bulkhead::new()), Arc::new(AtomicU32::new(0)));
        let entering = Arc::clone(&bulkhead);
        together(3, move |_| {
            let rules = bulkhead_rules(1);
            for _ in 0..2 {
                let Some(permit) = entering.try_enter(&rules) else { continue };
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                inside.fetch_sub(1, Ordering::SeqCst);
                drop(permit);
            }
        });
        assert_eq!(bulkhead.load(), Load { in_flight: 0, waiting: 0 });
    });
}

#[test]
fn no_permit_is_lost_between_a_release_and_a_cancelled_wait() {
    check(|| {
        let bulkhead = Arc::new(Bulkhead::new());
        let shared = Arc::clone(&bulkhead);
        together(3, move |number| {
            let rules = bulkhead_rules(1);
            let mut entering = pin!(shared.enter(&rules, None, Instant::now()));
            // Each looks now and then whether it has a place, and goes away in the end: with it, or from the queue.
            for _ in 0..=number {
                if poll(entering.as_mut()).is_some() {
                    break;
                }
                thread::yield_now();
            }
        });
        assert_eq!(bulkhead.load(), Load { in_flight: 0, waiting: 0 });
        assert!(bulkhead.try_enter(&bulkhead_rules(1)).is_some());
    });
}

#[test]
fn raising_the_limit_during_releases_neither_loses_nor_doubles_a_permit() {
    check(|| {
        let bulkhead = Arc::new(Bulkhead::new());
        let shared = Arc::clone(&bulkhead);
        together(3, move |number| {
            if number == 0 {
                return shared.widen(&bulkhead_rules(2), Instant::now());
            }
            let rules = bulkhead_rules(1);
            let mut entering = pin!(shared.enter(&rules, None, Instant::now()));
            for _ in 0..2 {
                if poll(entering.as_mut()).is_some() {
                    break;
                }
                thread::yield_now();
            }
        });
        assert_eq!(bulkhead.load(), Load { in_flight: 0, waiting: 0 });
    });
}

#[test]
fn coalesced_callers_leave_nothing_behind_in_any_order() {
    check(|| {
        let coalescer = Arc::new(Coalescer::<u32, u32>::new());
        let begun = Arc::new(AtomicU32::new(0));
        let shared = Arc::clone(&coalescer);
        together(3, move |number| {
            let begun = Arc::clone(&begun);
            let work = move || {
                begun.fetch_add(1, Ordering::SeqCst);
                std::future::pending::<u32>()
            };
            let mut waiting = Box::pin(shared.run(7, None, work));
            for _ in 0..=number {
                assert!(poll(waiting.as_mut()).is_none());
                assert!(shared.waiters(&7) >= 1, "as long as one waits, it is counted");
                assert_eq!(shared.flights(), 1);
            }
        });
        assert_eq!((coalescer.flights(), coalescer.waiters(&7)), (0, 0));
    });
}
