//! Coalescing through its public interface.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use evenkeel_resilience::coalesce::{Coalescer, NoAnswer, Shared};
use proptest::prelude::*;
use tokio::time::Instant;

const MILLI: Duration = Duration::from_millis(1);

/// Counts the work begun and the work under way.
#[derive(Clone, Default)]
struct Works(Arc<(AtomicU32, AtomicU32)>);

struct UnderWay(Works);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.1.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Works {
    fn begun(&self) -> u32 {
        self.0.0.load(Ordering::SeqCst)
    }

    fn under_way(&self) -> u32 {
        self.0.1.load(Ordering::SeqCst)
    }

    /// Work of this length, whose answer is its number.
    fn work(&self, time: Duration) -> impl FnOnce() -> Pin<Box<dyn Future<Output = u32> + Send>> + use<> {
        let works = self.clone();
        move || {
            Box::pin(async move {
                let number = works.0.0.fetch_add(1, Ordering::SeqCst);
                works.0.1.fetch_add(1, Ordering::SeqCst);
                let _under_way = UnderWay(works);
                tokio::time::sleep(time).await;
                number
            })
        }
    }
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Shared<u32>, NoAnswer>> + 'a>>;

fn poll(running: &mut Running<'_>) -> Option<Result<Shared<u32>, NoAnswer>> {
    match running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

async fn settle() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn callers_with_the_same_key_wait_for_one_piece_of_work() {
    let (coalescer, works) = (Coalescer::new(), Works::default());
    let run = |key| coalescer.run(key, None, works.work(10 * MILLI));
    let (one, two, other) = tokio::join!(run("same"), run("same"), run("other"));
    assert_eq!(one, Ok(Shared { value: 0, joined: false }));
    assert_eq!(two, Ok(Shared { value: 0, joined: true }));
    assert_eq!(other, Ok(Shared { value: 1, joined: false }));
    assert_eq!((works.begun(), coalescer.flights()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_not_kept() {
    let (coalescer, works) = (Coalescer::new(), Works::default());
    for number in 0..3 {
        let answer = coalescer.run((), None, works.work(MILLI)).await;
        assert_eq!(answer, Ok(Shared { value: number, joined: false }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_finished_answer_is_not_given_to_a_later_caller() {
    let (coalescer, works) = (Coalescer::new(), Works::default());
    let mut first: Running<'_> = Box::pin(coalescer.run((), None, works.work(MILLI)));
    assert!(poll(&mut first).is_none());
    tokio::time::sleep(5 * MILLI).await;
    let second = coalescer.run((), None, works.work(MILLI)).await;
    assert_eq!(second, Ok(Shared { value: 1, joined: false }));
    assert_eq!(first.await, Ok(Shared { value: 0, joined: false }));
    assert_eq!(coalescer.flights(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_first_may_go_away_and_the_others_get_their_answer() {
    let (coalescer, works) = (Coalescer::new(), Works::default());
    let run = || -> Running<'_> { Box::pin(coalescer.run((), None, works.work(10 * MILLI))) };
    let (mut leader, mut follower) = (run(), run());
    assert!(poll(&mut leader).is_none() && poll(&mut follower).is_none());
    settle().await;
    drop(leader);
    assert_eq!(coalescer.waiters(&()), 1);
    assert_eq!(follower.await, Ok(Shared { value: 0, joined: true }));
    assert_eq!((works.begun(), works.under_way(), coalescer.flights()), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_work_is_dropped_when_the_last_caller_leaves() {
    let (coalescer, works) = (Coalescer::new(), Works::default());
    let run = || -> Running<'_> { Box::pin(coalescer.run((), None, works.work(Duration::from_secs(3600)))) };
    let (mut leader, mut follower) = (run(), run());
    assert!(poll(&mut leader).is_none() && poll(&mut follower).is_none());
    settle().await;
    assert_eq!(works.under_way(), 1);
    drop((leader, follower));
    settle().await;
    assert_eq!((works.under_way(), coalescer.flights()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_work_runs_until_the_latest_deadline_of_its_callers() {
    let (coalescer, works) = (Coalescer::new(), Works::default());
    let start = Instant::now();
    let run = |millis: u32| coalescer.run((), Some(start + millis * MILLI), works.work(Duration::from_secs(1)));
    let (short, long) = tokio::join!(async { (run(10).await, start.elapsed(), works.under_way()) }, async {
        (run(50).await, start.elapsed())
    },);
    assert_eq!(short, (Err(NoAnswer::Expired), 10 * MILLI, 1));
    assert_eq!(long, (Err(NoAnswer::Expired), 50 * MILLI));
    settle().await;
    assert_eq!((works.begun(), works.under_way(), coalescer.flights()), (1, 0, 0));
    assert_eq!(run(2000).await.map(|shared| shared.value), Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_panic_reaches_all_callers_and_leaves_nothing() {
    let coalescer = Coalescer::<_, u32>::new();
    let run = || {
        coalescer.run((), None, || async {
            tokio::time::sleep(MILLI).await;
            panic!("no answer today")
        })
    };
    assert_eq!(tokio::join!(run(), run()), (Err(NoAnswer::Lost), Err(NoAnswer::Lost)));
    assert_eq!(coalescer.flights(), 0);
    assert_eq!(coalescer.run((), None, || async { 7 }).await, Ok(Shared { value: 7, joined: false }));
}

#[tokio::test(start_paused = true)]
async fn work_may_ask_for_another_key() {
    let coalescer = Arc::new(Coalescer::new());
    let inner = coalescer.clone();
    let work = || async move { inner.run(2, None, || async { 5 }).await.map_or(0, |shared| shared.value) };
    assert_eq!(coalescer.run(1, None, work).await.map(|shared| shared.value), Ok(5));
}

#[derive(Clone, Debug)]
enum Step {
    Run(u8),
    Poll(prop::sample::Index),
    Cancel(prop::sample::Index),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u8..3).prop_map(Step::Run),
        2 => any::<prop::sample::Index>().prop_map(Step::Poll),
        2 => any::<prop::sample::Index>().prop_map(Step::Cancel),
        2 => (0_u64..20).prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Checks that dropped callers, at any time, leave one joinable piece of work for a key, and in the end nothing.
    #[test]
    fn nothing_is_left_behind_when_callers_are_dropped_at_any_time(steps in prop::collection::vec(step(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (coalescer, works) = (Coalescer::new(), Works::default());
            let mut running: Vec<Running<'_>> = Vec::new();
            for step in steps {
                match step {
                    Step::Run(key) => {
                        let mut new: Running<'_> = Box::pin(coalescer.run(key, None, works.work(10 * MILLI)));
                        prop_assert!(poll(&mut new).is_none());
                        running.push(new);
                    }
                    Step::Poll(which) if !running.is_empty() => {
                        let which = which.index(running.len());
                        if let Some(answer) = poll(&mut running[which]) {
                            prop_assert!(answer.is_ok());
                            drop(running.swap_remove(which));
                        }
                    }
                    Step::Cancel(which) if !running.is_empty() => drop(running.swap_remove(which.index(running.len()))),
                    Step::Pass(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
                    _ => {}
                }
                settle().await;
                prop_assert!(coalescer.flights() <= 3 && works.under_way() <= 3);
                prop_assert!((works.under_way() as usize) <= running.len(), "work for which nobody waits");
            }
            drop(running);
            settle().await;
            prop_assert_eq!((coalescer.flights(), works.under_way()), (0, 0));
            Ok(())
        })?;
    }
}
