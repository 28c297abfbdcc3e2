//! Leases: one holder passes the guard at a time, and an earlier one changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use store::{Engine, Isolation, args};
use supervision::StopSource;
use tokio::sync::{Notify, oneshot};
use vitals::Registry;

use super::bench::Bench;
use crate::error::Refusal;
use crate::{Leader, Lease, LeaseStore, WorkError};

const LONG: Duration = Duration::from_secs(60);
const INSERT: &str = "INSERT INTO effects (n, attempt) VALUES ($1, 0)";

/// A term of a process that is paused in the middle of its work: its lease, and the end of the pause.
async fn paused_leader(bench: &Bench) -> (Lease, StopSource, tokio::task::JoinHandle<()>) {
    let (source, store) = (StopSource::new(), bench.store.clone());
    let (stop, (send, receive)) = (source.listen(), oneshot::channel());
    let task = tokio::spawn(async move {
        let mut send = Some(send);
        let work = |lease: Lease| {
            let send = send.take();
            async move {
                if let Some(send) = send {
                    send.send(lease).ok();
                }
                std::future::pending::<()>().await;
            }
        };
        Leader::new(&store, "sealer").ttl(LONG).run(&Registry::new(), stop, work).await;
    });
    (receive.await.unwrap(), source, task)
}

async fn write_as(bench: &Bench, lease: &Lease, isolation: Isolation) -> Result<(), WorkError> {
    let written = bench.store.write_at(isolation, |tx| {
        let lease = lease.clone();
        Box::pin(async move {
            lease.guard(tx).await?;
            tx.execute(INSERT, args![lease.fence()]).await?;
            Ok(())
        })
    });
    written.await
}

async fn effects(bench: &Bench) -> i64 {
    bench.number("SELECT COUNT(*) FROM effects", args![]).await
}

pub(super) async fn w14_a_leader_paused_past_its_lease_changes_nothing(bench: Bench) {
    let (zombie, source, task) = paused_leader(&bench).await;
    write_as(&bench, &zombie, Isolation::Serializable).await.unwrap();
    assert_eq!(effects(&bench).await, 1);
    bench.run("UPDATE evenkeel_lease SET expires_at = 1").await;
    let refused = |outcome: Result<(), WorkError>| matches!(outcome, Err(WorkError::Refused(Refusal::Stale { .. })));
    assert!(
        refused(write_as(&bench, &zombie, Isolation::Serializable).await),
        "no successor yet, and its time is over"
    );
    let leases = LeaseStore::new(&bench.store);
    let fence = leases.take("sealer", "successor", LONG).await.unwrap().expect("it is free");
    assert!(fence > zombie.fence());
    for isolation in [Isolation::Serializable, Isolation::ReadCommitted] {
        assert!(refused(write_as(&bench, &zombie, isolation).await), "{isolation:?}");
    }
    assert!(!leases.renew("sealer", zombie.fence(), LONG).await.unwrap());
    assert!(!leases.release("sealer", zombie.fence()).await.unwrap());
    assert_eq!(effects(&bench).await, 1);
    // The control: without the guard the same write of the same process takes effect.
    bench.run("INSERT INTO effects (n, attempt) VALUES (1, 0)").await;
    assert_eq!(effects(&bench).await, 2);
    source.request();
    task.await.unwrap();
    let row = leases.list("", 10).await.unwrap().remove(0);
    assert_eq!((row.holder.as_str(), row.fence), ("successor", fence), "the end of the zombie leaves the lease alone");
    assert!(row.left > Duration::ZERO);
}

pub(super) async fn w14_a_lease_is_taken_by_one_of_eight_candidates_and_fences_only_rise(bench: Bench) {
    let leases = LeaseStore::new(&bench.store);
    let mut last = 0;
    for round in 0..4 {
        let takes = (0..8).map(|candidate| {
            let leases = leases.clone();
            async move { leases.take("one", &format!("node {candidate}"), LONG).await.unwrap() }
        });
        let fences: Vec<i64> = join_all(takes).await.into_iter().flatten().collect();
        assert_eq!(fences.len(), 1, "round {round}");
        assert!(fences[0] > last);
        last = fences[0];
        match round % 2 {
            0 => assert!(leases.release("one", last).await.unwrap()),
            _ => bench.run("UPDATE evenkeel_lease SET expires_at = 1").await,
        }
    }
    assert!(matches!(leases.take("", "nobody", LONG).await, Err(WorkError::Refused(Refusal::Range { .. }))));
}

pub(super) async fn w14_a_take_over_waits_for_a_guarded_transaction_and_a_renewal_does_not(bench: Bench) {
    if bench.store.engine() == Engine::Sqlite {
        // One writer at a time: both wait for every transaction.
        return;
    }
    let (lease, source, task) = paused_leader(&bench).await;
    let leases = LeaseStore::new(&bench.store);
    let (guarded, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let long = {
        let (store, lease, guarded, go_on) = (bench.store.clone(), lease.clone(), guarded.clone(), go_on.clone());
        tokio::spawn(async move {
            let written = store.write_at(Isolation::ReadCommitted, |tx| {
                let (lease, guarded, go_on) = (lease.clone(), guarded.clone(), go_on.clone());
                Box::pin(async move {
                    lease.guard(tx).await?;
                    guarded.notify_one();
                    go_on.notified().await;
                    tx.execute(INSERT, args![1]).await?;
                    Ok::<_, WorkError>(())
                })
            });
            written.await
        })
    };
    guarded.notified().await;
    assert!(leases.renew("sealer", lease.fence(), LONG).await.unwrap(), "it would wait for the lock timeout");
    bench.run("UPDATE evenkeel_lease SET expires_at = 1").await;
    let taken = Arc::new(AtomicUsize::new(0));
    let taking = {
        let (leases, taken) = (leases.clone(), taken.clone());
        tokio::spawn(async move {
            let fence = leases.take("sealer", "successor", LONG).await.unwrap();
            taken.fetch_add(1, Ordering::SeqCst);
            fence
        })
    };
    let waits = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted";
    while bench.number(waits, args![]).await == 0 {
        assert_eq!(taken.load(Ordering::SeqCst), 0, "the lease was taken under a guarded transaction");
        tokio::task::yield_now().await;
    }
    go_on.notify_one();
    long.await.unwrap().unwrap();
    assert!(taking.await.unwrap().expect("it was over") > lease.fence());
    source.request();
    task.await.unwrap();
}

pub(super) async fn w14_one_of_many_leaders_works_and_the_next_one_goes_on(bench: Bench) {
    let workers = Arc::new(AtomicUsize::new(0));
    let began = Arc::new(Notify::new());
    let start = || {
        let (source, store) = (StopSource::new(), bench.store.clone());
        let (stop, workers, began) = (source.listen(), workers.clone(), began.clone());
        let task = tokio::spawn(async move {
            let work = |_lease: Lease| {
                let (workers, began) = (workers.clone(), began.clone());
                async move {
                    struct Counted(Arc<AtomicUsize>);
                    impl Drop for Counted {
                        fn drop(&mut self) {
                            self.0.fetch_sub(1, Ordering::SeqCst);
                        }
                    }
                    let before = workers.fetch_add(1, Ordering::SeqCst);
                    let _counted = Counted(workers);
                    assert_eq!(before, 0, "two processes work");
                    began.notify_one();
                    std::future::pending::<()>().await;
                }
            };
            Leader::new(&store, "one").ttl(Duration::from_secs(6)).run(&Registry::new(), stop, work).await;
        });
        (source, task)
    };
    let (first, other) = (start(), start());
    began.notified().await;
    // The lease tells which of them leads; stopping one of them makes the other one lead at the latest a third of the lease later.
    first.0.request();
    first.1.await.unwrap();
    if workers.load(Ordering::SeqCst) == 0 {
        began.notified().await;
    }
    assert_eq!(workers.load(Ordering::SeqCst), 1);
    other.0.request();
    other.1.await.unwrap();
    assert_eq!(workers.load(Ordering::SeqCst), 0);
    let row = LeaseStore::new(&bench.store).list("", 10).await.unwrap().remove(0);
    assert_eq!(row.left, Duration::ZERO, "it is given back");
}
