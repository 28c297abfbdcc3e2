//! Notifications between processes over PostgreSQL: one for the queues of the last 5 ms, never in the transaction that adds jobs.
//!
//! NOTIFY takes a lock of the whole cluster until its commit: in the callers' transactions it would make them take turns.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use resilience::Backoff;
use store::{Isolation, Notifications, Options, Store, StoreError, StoreUrl, args};
use supervision::Stop;
use tokio::sync::Notify;

use super::bells::wake;

/// The channel.
const CHANNEL: &str = "evenkeel_job";
const SEND: &str = "SELECT COUNT(pg_notify('evenkeel_job', queue)) FROM unnest($1::TEXT[]) AS queue";
/// Least time between two notifications of this process.
const BETWEEN: Duration = Duration::from_millis(5);
/// Queues that one notification names at most; the jobs of others start at the next look.
const MAX_QUEUES: usize = 1_000;
/// Waits before a lost connection is opened again.
const AGAIN: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(30));

/// The queues to notify; none while nothing in this process sends notifications.
static PENDING: Mutex<Option<BTreeSet<String>>> = Mutex::new(None);
static ADDED: Notify = Notify::const_new();

fn pending() -> MutexGuard<'static, Option<BTreeSet<String>>> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds a queue to the next notification, if this process sends any.
pub(crate) fn add(queue: &str) {
    if let Some(queues) = pending().as_mut().filter(|queues| queues.len() < MAX_QUEUES) {
        queues.insert(queue.to_owned());
        ADDED.notify_one();
    }
}

/// Sends and receives notifications until the stop. Does nothing without an address.
pub(crate) async fn run(direct: Option<&StoreUrl>, stop: &Stop) {
    let Some(direct) = direct else { return };
    pending().get_or_insert_default();
    let mut failures = 0;
    while !stop.is_requested() {
        let ended = tokio::select! {
            () = stop.requested() => return,
            ended = exchange(direct, &mut failures) => ended,
        };
        if let Err(error) = ended {
            tracing::warn!(%error, "notifications of jobs have stopped; workers of other processes see jobs at their next look");
        }
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(AGAIN.wait(failures)) => {}
        }
        failures = failures.saturating_add(1);
    }
}

/// Sends and receives until the connection is lost.
async fn exchange(direct: &StoreUrl, failures: &mut u32) -> Result<(), StoreError> {
    let mut options = Options::default();
    options.connections = Some(1);
    let store = Store::open(direct, options).await?;
    let Some(mut received) = store.notifications(CHANNEL).await? else { return Ok(()) };
    *failures = 0;
    tokio::try_join!(receive(&mut received), send(&store)).map(|_: ((), ())| ())
}

async fn receive(received: &mut Notifications) -> Result<(), StoreError> {
    loop {
        wake(&received.next().await?);
    }
}

async fn send(store: &Store) -> Result<(), StoreError> {
    loop {
        ADDED.notified().await;
        let queues: Vec<String> = pending().as_mut().map(std::mem::take).unwrap_or_default().into_iter().collect();
        if !queues.is_empty() {
            let sent = store.write_at(Isolation::ReadCommitted, |tx| {
                let queues = queues.clone();
                Box::pin(async move { tx.execute(SEND, args![queues]).await.map(drop) })
            });
            sent.await.map_err(|error: StoreError| error)?;
            tokio::time::sleep(BETWEEN).await;
        }
    }
}
