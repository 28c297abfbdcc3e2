//! Notifications between processes: jobs that another process adds start at once, although the workers would look for jobs in an hour.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_work::{Job, JobContext, JobError, QueueRules, Workers};
use store::testing::FreshDatabase;
use store::{Options, StoreError, args};
use supervision::StopSource;
use tokio::sync::Notify;
use vitals::Registry;

use crate::workload::{Exact, PATIENCE, enqueue, open};

/// A job as another process adds it: with no bell in this one.
const ADD: &str = "INSERT INTO evenkeel_job (message_id, queue, kind, priority, max_attempts, run_at, enqueued_at, payload) \
                   VALUES ('msg_other', 'default', 'exact', 5, 20, 1, 1, '{\"n\":1}')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_of_another_process_starts_at_its_notification_and_jobs_of_this_one_are_notified() {
    let database = FreshDatabase::make();
    let store = open(&database.url(), Options::default()).await;
    let done = Arc::new(Notify::new());
    let handler = {
        let done = done.clone();
        move |_: Exact, _: JobContext| {
            let done = done.clone();
            async move {
                done.notify_one();
                Ok::<_, JobError>(())
            }
        }
    };
    // The workers reach the database through the pooler; notifications need the direct address.
    let pooled = store::Store::open(&database.pooled_url(), Options::default()).await.unwrap();
    let rules = |rules: QueueRules| rules.poll(Duration::from_secs(3600));
    let workers = Workers::new(&pooled).queue(Exact::QUEUE, rules).handle(handler).notify_over(database.url());
    let source = StopSource::new();
    let stop = source.listen();
    let task = tokio::spawn(async move { workers.run(&Registry::new(), stop).await });

    // Its first look, and its connection that listens.
    let mut heard = store.notifications("evenkeel_job").await.unwrap().unwrap();
    let listening = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    while crate::workload::number(&store, listening).await < Some(2) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for sql in [ADD, "SELECT COUNT(pg_notify('evenkeel_job', 'default'))"] {
        let ran: Result<(), StoreError> =
            store.write(|tx| Box::pin(async move { tx.execute(sql, args![]).await.map(drop) })).await;
        ran.unwrap();
    }
    tokio::time::timeout(PATIENCE, done.notified()).await.expect("the job of the other process starts");
    assert_eq!(heard.next().await.unwrap(), "default");

    enqueue(&store, 1).await;
    let payload = tokio::time::timeout(PATIENCE, heard.next()).await.expect("a commit of this process is notified");
    assert_eq!(payload.unwrap(), "default");
    source.request();
    task.await.unwrap();
}
