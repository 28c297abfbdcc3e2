//! Ratchets: a committed step never runs again, and a stale driver commits nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use resilience::Backoff;
use serde::{Deserialize, Serialize};
use store::args;
use tokio::sync::Notify;

use super::bench::Bench;
use crate::error::Refusal;
use crate::run::{QUEUE, RunState, signal, start, start_as};
use crate::{JobError, Ratchet, Ratchets, RunInput, WorkError, Workers};

const HOUR: Duration = Duration::from_secs(3600);
const INSERT: &str = "INSERT INTO effects (n, attempt) VALUES ($1, $2)";
const COUNT: &str = "SELECT COUNT(*) FROM effects";

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Payout {
    n: i64,
}
impl RunInput for Payout {
    const KIND: &'static str = "payout";
}

/// The same kind, as a later release has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct LaterPayout {
    n: i64,
}
impl RunInput for LaterPayout {
    const KIND: &'static str = "payout";
    const VERSION: u16 = 2;
}

/// The calls and undos of a case, in their order.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn add(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A transaction step that adds a row of effects.
fn row(ratchet: Ratchet<Payout>, name: &str, number: i64) -> Ratchet<Payout> {
    ratchet.tx(name, move |tx, run| {
        Box::pin(async move {
            tx.execute(INSERT, args![run.input().n, number]).await?;
            Ok(number)
        })
    })
}

/// A step that fails in this way.
fn failing(ratchet: Ratchet<Payout>, name: &str, error: fn() -> JobError) -> Ratchet<Payout> {
    ratchet.tx(name, move |_tx, _run| Box::pin(async move { Err::<(), _>(error()) }))
}

async fn begin(bench: &Bench, message_id: &'static str) {
    let started: Result<_, WorkError> =
        bench.store.write(|tx| Box::pin(async move { start_as(tx, message_id, &Payout { n: 7 }).await })).await;
    assert!(!started.unwrap().is_duplicate);
}

async fn send(bench: &Bench, message_id: &'static str, name: &'static str, payload: i64) -> Result<bool, WorkError> {
    bench.store.write(|tx| Box::pin(async move { signal(tx, message_id, name, &payload).await })).await
}

async fn work(bench: &Bench, ratchets: &Ratchets) {
    ratchets.handle_in(Workers::new(&bench.store)).run_until_idle().await.unwrap();
}

/// Works on, with the retries and the timers that are due later.
async fn work_on(bench: &Bench, ratchets: &Ratchets) {
    bench.end_waits().await;
    work(bench, ratchets).await;
}

async fn state(ratchets: &Ratchets, message_id: &str) -> RunState {
    ratchets.runs().get(message_id).await.unwrap().unwrap().state
}

async fn reason(ratchets: &Ratchets, message_id: &str) -> String {
    ratchets.runs().get(message_id).await.unwrap().unwrap().reason.unwrap_or_default()
}

pub(super) async fn w13_a_run_goes_through_its_steps_and_a_committed_one_never_runs_again(bench: Bench) {
    let (seen, fails) = (Seen::default(), Arc::new(AtomicUsize::new(3)));
    let ratchet = row(Ratchet::new(), "reserve", 1);
    let ratchet = {
        let (seen, fails) = (seen.clone(), fails.clone());
        ratchet.call("pay", move |key, run| {
            let (seen, fails) = (seen.clone(), fails.clone());
            async move {
                seen.add(format!("{key} after {}", run.result::<i64>("reserve")?));
                // It takes effect, and the answer is lost.
                match fails.fetch_sub(1, Ordering::SeqCst) {
                    1 => Ok("reference".to_owned()),
                    _ => Err(JobError::retry("no answer")),
                }
            }
        })
    };
    let ratchet = row(ratchet.wait("confirmed", HOUR), "settle", 2);
    let ratchets = Ratchets::new(&bench.store).with(ratchet);
    begin(&bench, "run-1").await;
    for _ in 0..3 {
        work_on(&bench, &ratchets).await;
    }
    assert_eq!(seen.all(), ["run-1.pay after 1"; 3], "the call is repeated with its key");
    assert_eq!(bench.number(COUNT, args![]).await, 1, "the first step is not");
    assert_eq!(state(&ratchets, "run-1").await, RunState::Waiting);
    work(&bench, &ratchets).await;
    assert!(send(&bench, "run-1", "confirmed", 5).await.unwrap());
    work(&bench, &ratchets).await;
    assert_eq!(state(&ratchets, "run-1").await, RunState::Done);
    assert_eq!(bench.number("SELECT COUNT(*) FROM effects WHERE n = 7 AND attempt = 2", args![]).await, 1);
    let run = ratchets.runs().get("run-1").await.unwrap().unwrap();
    let steps = ratchets.runs().steps(&run).await.unwrap();
    let results: Vec<_> = steps.iter().map(|step| (step.name.as_str(), step.result.as_deref().unwrap())).collect();
    assert_eq!(results, [("reserve", "1"), ("pay", r#""reference""#), ("confirmed", "5"), ("settle", "2")]);
    // The timer of the wait is a turn that the run has passed.
    work_on(&bench, &ratchets).await;
    assert_eq!((bench.number(COUNT, args![]).await, bench.live().await, bench.dead().await), (2, 0, 0));
}

pub(super) async fn w1_a_run_exists_when_its_transaction_commits_and_once_for_its_message_id(bench: Bench) {
    let ratchets = Ratchets::new(&bench.store).with(row(Ratchet::new(), "only", 1));
    let undone: Result<(), WorkError> = bench
        .store
        .write(|tx| {
            Box::pin(async move {
                start(tx, &Payout { n: 1 }).await?;
                Err(Refusal::Empty { part: "nothing", kind: "test".to_owned() }.into())
            })
        })
        .await;
    assert!(undone.is_err());
    begin(&bench, "run-1").await;
    let again: Result<_, WorkError> =
        bench.store.write(|tx| Box::pin(async move { start_as(tx, "run-1", &Payout { n: 8 }).await })).await;
    assert!(again.unwrap().is_duplicate);
    let wrong: Result<_, WorkError> =
        bench.store.write(|tx| Box::pin(async move { start_as(tx, "run 1", &Payout { n: 8 }).await })).await;
    assert!(matches!(wrong, Err(WorkError::Refused(Refusal::Run { .. }))));
    work(&bench, &ratchets).await;
    assert_eq!(bench.number(COUNT, args![]).await, 1);
    assert_eq!(ratchets.runs().purge_ended(HOUR).await.unwrap(), 0);
    bench.run("UPDATE evenkeel_run SET moved_at = 1").await;
    assert_eq!(ratchets.runs().purge_ended(HOUR).await.unwrap(), 1);
    assert_eq!(bench.number("SELECT COUNT(*) FROM evenkeel_step", args![]).await, 0);
}

/// A ratchet whose steps can be undone, with a last step that fails for good.
fn undoable(seen: &Seen, last: fn() -> JobError) -> Ratchet<Payout> {
    let noting = |name: &'static str| {
        let seen = seen.clone();
        move |key: String| seen.add(format!("{name} {key}"))
    };
    let (paid, unpaid, undone) = (noting("pay"), noting("unpay"), noting("unreserve"));
    let ratchet = row(Ratchet::new(), "reserve", 1).undo_tx(move |tx, run| {
        undone(run.reason().unwrap_or_default().to_owned());
        Box::pin(async move {
            tx.execute(INSERT, args![run.input().n, -1]).await?;
            Ok(())
        })
    });
    let ratchet = ratchet
        .call("pay", move |key, _run| {
            paid(key);
            async { Ok(1) }
        })
        .undo_call(move |key, run| {
            unpaid(key);
            async move { if run.has_result("pay") { Ok(()) } else { Err(JobError::permanent("not paid")) } }
        });
    failing(ratchet.wait("approved", HOUR), "settle", last)
}

pub(super) async fn w13_a_step_that_fails_for_good_undoes_the_others_last_to_first(bench: Bench) {
    let seen = Seen::default();
    let ratchets = Ratchets::new(&bench.store).with(undoable(&seen, || JobError::permanent("the account is closed")));
    begin(&bench, "run-1").await;
    // A signal that comes before its wait is kept, and the first of a name counts.
    assert!(
        send(&bench, "run-1", "approved", 1).await.unwrap() && !send(&bench, "run-1", "approved", 2).await.unwrap()
    );
    work(&bench, &ratchets).await;
    assert_eq!(state(&ratchets, "run-1").await, RunState::Undone);
    let why = "the step settle: the account is closed";
    assert_eq!(seen.all(), ["pay run-1.pay", "unpay run-1.pay.undo", &format!("unreserve {why}")]);
    assert_eq!(reason(&ratchets, "run-1").await, why);
    assert_eq!(bench.number("SELECT CAST(SUM(attempt) AS BIGINT) FROM effects", args![]).await, 0);
    assert!(send(&bench, "run-1", "other", 1).await.is_err(), "it has ended");
    work_on(&bench, &ratchets).await;
    assert_eq!((seen.all().len(), bench.live().await), (3, 0));
}

pub(super) async fn w13_a_wait_ends_with_its_time_and_a_cancellation_turns_the_run_back(bench: Bench) {
    let seen = Seen::default();
    let ratchets = Ratchets::new(&bench.store).with(undoable(&seen, || JobError::permanent("never")));
    begin(&bench, "run-1").await;
    begin(&bench, "run-2").await;
    work(&bench, &ratchets).await;
    assert_eq!(state(&ratchets, "run-1").await, RunState::Waiting);
    // A turn that comes too early waits on.
    work_on(&bench, &ratchets).await;
    assert_eq!(state(&ratchets, "run-1").await, RunState::Waiting);
    assert!(ratchets.runs().cancel("run-2").await.unwrap());
    work(&bench, &ratchets).await;
    assert_eq!(state(&ratchets, "run-2").await, RunState::Undone);
    assert_eq!(reason(&ratchets, "run-2").await, "it was cancelled");
    assert!(!ratchets.runs().cancel("run-2").await.unwrap());
    bench.run("UPDATE evenkeel_run SET wake_at = 1 WHERE state = 1").await;
    work_on(&bench, &ratchets).await;
    assert_eq!(state(&ratchets, "run-1").await, RunState::Undone);
    assert_eq!(reason(&ratchets, "run-1").await, "the step approved: the signal did not come within 3600s");
    assert_eq!(bench.live().await, 0);
}

/// A call that waits in its first run until it may go on; its result is the number of the run.
fn pausing(ratchet: Ratchet<Payout>, name: &str, paused: &Arc<Notify>, go_on: &Arc<Notify>) -> Ratchet<Payout> {
    let (paused, go_on, calls) = (paused.clone(), go_on.clone(), Arc::new(AtomicUsize::new(0)));
    ratchet.call(name, move |_key, _run| {
        let (paused, go_on, call) = (paused.clone(), go_on.clone(), calls.fetch_add(1, Ordering::SeqCst));
        async move {
            if call == 0 {
                paused.notify_one();
                go_on.notified().await;
            }
            Ok(call)
        }
    })
}

/// A driver that is paused in a call, past its lease. It goes on while its successor is in the middle of the run.
pub(super) async fn w4_a_driver_paused_past_its_lease_commits_nothing(bench: Bench) {
    let [zombie_paused, zombie_goes_on, successor_paused, successor_goes_on] = std::array::from_fn(|_| Arc::default());
    let ratchet = pausing(row(Ratchet::new(), "reserve", 1), "pay", &zombie_paused, &zombie_goes_on);
    let ratchet = pausing(ratchet, "notify", &successor_paused, &successor_goes_on);
    let ratchets = Ratchets::new(&bench.store).with(row(ratchet, "settle", 2));
    begin(&bench, "run-1").await;
    let driver = || {
        let workers = ratchets.handle_in(Workers::new(&bench.store));
        tokio::spawn(async move { workers.run_until_idle().await.unwrap() })
    };
    let zombie = driver();
    zombie_paused.notified().await;
    bench.end_leases().await;
    let expired = bench.jobs.end_expired(QUEUE, Backoff::new(Duration::ZERO, Duration::ZERO)).await.unwrap();
    assert_eq!(expired.retried.len(), 1);
    let successor = driver();
    successor_paused.notified().await;
    let run = ratchets.runs().get("run-1").await.unwrap().unwrap();
    let before = ratchets.runs().steps(&run).await.unwrap();
    assert_eq!(before[1].result.as_deref(), Some("1"), "the call was repeated with its key");
    zombie_goes_on.notify_one();
    zombie.await.unwrap();
    assert_eq!(ratchets.runs().steps(&run).await.unwrap(), before, "the zombie stores no result");
    assert_eq!(bench.number(COUNT, args![]).await, 1, "the zombie runs no further step");
    successor_goes_on.notify_one();
    successor.await.unwrap();
    assert_eq!(state(&ratchets, "run-1").await, RunState::Done);
    assert_eq!((bench.number(COUNT, args![]).await, bench.live().await), (2, 0));
}

pub(super) async fn w13_a_run_that_does_not_fit_its_ratchet_needs_a_decision(bench: Bench) {
    let before = Ratchets::new(&bench.store).with(row(Ratchet::new(), "old", 1).wait("go", HOUR));
    for run in ["run-1", "run-2", "run-3"] {
        begin(&bench, run).await;
    }
    work(&bench, &before).await;
    // The next release has other steps under the same version.
    let after = Ratchets::new(&bench.store).with(row(Ratchet::new(), "new", 5).wait("go", HOUR));
    for run in ["run-1", "run-2", "run-3"] {
        send(&bench, run, "go", 1).await.unwrap();
    }
    work(&bench, &after).await;
    assert_eq!(state(&after, "run-1").await, RunState::NeedsDecision);
    assert_eq!(reason(&after, "run-1").await, "the step old has begun and is not in the ratchet any more");
    assert_eq!(bench.number(COUNT, args![]).await, 3, "the new step has not run");
    let runs = after.runs();
    assert_eq!(runs.list("payout", Some(RunState::NeedsDecision), 0, 10).await.unwrap().len(), 3);
    assert_eq!(runs.counts().await.unwrap()[0].runs, 3);
    // The release before goes on with it; another one is undone, and the last one given up.
    assert!(runs.resume("run-1").await.unwrap() && runs.undo("run-2").await.unwrap());
    assert!(runs.abandon("run-3", "paid by hand").await.unwrap() && !runs.resume("run-3").await.unwrap());
    work(&bench, &before).await;
    assert_eq!(state(&before, "run-1").await, RunState::Done);
    assert_eq!(state(&before, "run-2").await, RunState::Undone);
    assert_eq!(
        (state(&before, "run-3").await, reason(&before, "run-3").await.as_str()),
        (RunState::Abandoned, "paid by hand")
    );
}

pub(super) async fn w13_versions_of_a_ratchet_stand_side_by_side(bench: Bench) {
    let first = || row(Ratchet::new(), "first", 1).wait("go", HOUR);
    let later = Ratchet::<LaterPayout>::new().tx("second", |tx, run| {
        Box::pin(async move {
            tx.execute(INSERT, args![run.input().n, 2]).await?;
            Ok(())
        })
    });
    let old = Ratchets::new(&bench.store).with(first());
    let both = Ratchets::new(&bench.store).with(first()).with(later);
    begin(&bench, "run-1").await;
    let started: Result<_, WorkError> =
        bench.store.write(|tx| Box::pin(async move { start_as(tx, "run-2", &LaterPayout { n: 7 }).await })).await;
    started.unwrap();
    // A process of the earlier release leaves the later run to others.
    work(&bench, &old).await;
    assert_eq!((state(&old, "run-1").await, state(&old, "run-2").await), (RunState::Waiting, RunState::Ready));
    send(&bench, "run-1", "go", 1).await.unwrap();
    work_on(&bench, &both).await;
    assert_eq!((state(&both, "run-1").await, state(&both, "run-2").await), (RunState::Done, RunState::Done));
    // A release that has dropped a version with runs stops them.
    begin(&bench, "run-3").await;
    let dropped = Ratchets::new(&bench.store).with(Ratchet::<LaterPayout>::new());
    work(&bench, &dropped).await;
    assert_eq!(reason(&dropped, "run-3").await, "version 1 of the ratchet payout is not in the program any more");
    assert!(dropped.runs().move_to_version("run-3", 2).await.unwrap() && dropped.runs().resume("run-3").await.unwrap());
    work(&bench, &dropped).await;
    assert_eq!(state(&dropped, "run-3").await, RunState::Done);
}

pub(super) async fn w13_a_run_that_is_cancelled_behind_a_call_without_an_undo_needs_a_decision(bench: Bench) {
    let call = Ratchet::new().call("pay", |_key, _run| async { Ok(1) });
    let ratchets = Ratchets::new(&bench.store).with(row(call.wait("go", HOUR), "settle", 1));
    begin(&bench, "run-1").await;
    work(&bench, &ratchets).await;
    assert!(ratchets.runs().cancel("run-1").await.unwrap());
    work(&bench, &ratchets).await;
    assert_eq!(state(&ratchets, "run-1").await, RunState::NeedsDecision);
    let why = "it was cancelled; the call pay may have taken effect, and has no undo";
    assert_eq!(reason(&ratchets, "run-1").await, why);
    assert!(ratchets.runs().resume("run-1").await.unwrap());
    work(&bench, &ratchets).await;
    assert_eq!(state(&ratchets, "run-1").await, RunState::Waiting, "the decision was to go on");
    // Cancelled before the call, it has nothing that would stay.
    begin(&bench, "run-2").await;
    assert!(ratchets.runs().cancel("run-2").await.unwrap());
    work(&bench, &ratchets).await;
    assert_eq!(state(&ratchets, "run-2").await, RunState::Undone);
}

pub(super) async fn w13_a_call_without_an_answer_or_an_undo_needs_a_decision(bench: Bench) {
    let called = Arc::new(AtomicUsize::new(0));
    let calls = |error: fn() -> JobError| {
        let called = called.clone();
        Ratchet::new().call("pay", move |_key, _run| {
            called.fetch_add(1, Ordering::SeqCst);
            async move { Err::<(), _>(error()) }
        })
    };
    let silent = Ratchets::new(&bench.store).with(row(calls(|| JobError::retry("no answer")), "settle", 1));
    begin(&bench, "run-1").await;
    bench.run("UPDATE evenkeel_job SET max_attempts = 2").await;
    // The wait before the second attempt is random.
    for _ in 0..2 {
        work_on(&bench, &silent).await;
    }
    assert_eq!((state(&silent, "run-1").await, called.load(Ordering::SeqCst)), (RunState::NeedsDecision, 2));
    let why = reason(&silent, "run-1").await;
    assert_eq!(why, "the step pay: no answer; the call may have taken effect, and has no undo");
    // A refusal is an answer: the call has no effect.
    let refusing = Ratchets::new(&bench.store).with(row(calls(|| JobError::permanent("no funds")), "settle", 1));
    begin(&bench, "run-2").await;
    work(&bench, &refusing).await;
    assert_eq!(state(&refusing, "run-2").await, RunState::Undone);
    // A run whose job is gone shows it.
    begin(&bench, "run-3").await;
    bench.run("DELETE FROM evenkeel_job").await;
    assert!(silent.runs().get("run-3").await.unwrap().unwrap().is_stalled);
    assert!(silent.runs().resume("run-3").await.unwrap());
    assert!(!silent.runs().get("run-3").await.unwrap().unwrap().is_stalled);
    assert_eq!((bench.dead().await, bench.number(COUNT, args![]).await), (0, 0));
}
