//! The database of a case, and the steps that every case needs.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use store::{Migration, Migrations, Options, Store, StoreError, StoreUrl, Value, args};

use crate::job::{ClaimRequest, ClaimedJob, Held};
use crate::{Enqueued, Job, JobStore, NewJob, WorkError};

/// The job of the cases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) n: i64,
}

impl Job for Note {
    const KIND: &'static str = "note";
    const QUEUE: &'static str = "notes";
    const MAX_ATTEMPTS: u16 = 3;
}

const SCHEMA: &str = "CREATE TABLE effects (n BIGINT NOT NULL, attempt BIGINT NOT NULL)";

/// A database may serve several cases, one after the other.
const CLEAR: &[&str] = &[
    "DELETE FROM evenkeel_paused_kind",
    "DELETE FROM effects",
    "DELETE FROM evenkeel_job",
    "DELETE FROM evenkeel_job_error",
    "DELETE FROM evenkeel_dead",
    "DELETE FROM evenkeel_queue",
    "DELETE FROM evenkeel_schedule",
    "DELETE FROM evenkeel_lease",
    "DELETE FROM evenkeel_event",
    "DELETE FROM evenkeel_stream",
    "DELETE FROM evenkeel_subscription",
    "DELETE FROM evenkeel_quarantine",
    "DELETE FROM evenkeel_signal",
    "DELETE FROM evenkeel_step",
    "DELETE FROM evenkeel_run",
];

/// A store with the tables of jobs and a table of effects.
pub(super) struct Bench {
    pub(super) store: Store,
    pub(super) jobs: JobStore,
}

impl Bench {
    pub(super) async fn open(url: &StoreUrl) -> Self {
        let store = Store::open(url, Options::default()).await.unwrap();
        let service = Migrations::new(vec![Migration::both(1, "effects", SCHEMA)]);
        store.migrate(&crate::add_schema(service)).await.unwrap();
        for &clear in CLEAR {
            let cleared: Result<u64, StoreError> =
                store.write(|tx| Box::pin(async move { tx.execute(clear, args![]).await })).await;
            cleared.unwrap();
        }
        Self { jobs: JobStore::new(&store), store }
    }

    /// Enqueues jobs in a transaction of their own.
    pub(super) async fn enqueue(&self, jobs: impl Fn() -> Vec<NewJob> + Send + Sync + 'static) -> Vec<Enqueued> {
        let jobs = Arc::new(jobs);
        let enqueued: Result<_, WorkError> = self
            .store
            .write(|tx| {
                let jobs = jobs.clone();
                Box::pin(async move { crate::enqueue_all(tx, jobs()).await })
            })
            .await;
        enqueued.unwrap()
    }

    /// Enqueues notes with these numbers.
    pub(super) async fn enqueue_notes(&self, numbers: std::ops::Range<i64>) -> Vec<Enqueued> {
        self.enqueue(move || numbers.clone().map(|n| Note { n }.job()).collect()).await
    }

    pub(super) fn request(limit: usize) -> ClaimRequest {
        ClaimRequest::new(Note::QUEUE, vec![Note::KIND.to_owned()], limit)
    }

    pub(super) async fn claim(&self, limit: usize) -> Vec<ClaimedJob> {
        self.jobs.claim(&mut Self::request(limit)).await.unwrap()
    }

    /// Lets the leases of all running jobs end.
    pub(super) async fn end_leases(&self) {
        self.run("UPDATE evenkeel_job SET lease_until = 1 WHERE state = 1").await;
    }

    /// Makes the jobs ready that wait for their time.
    pub(super) async fn end_waits(&self) {
        self.run("UPDATE evenkeel_job SET run_at = 1 WHERE state = 0").await;
    }

    /// Ends leases that are over, without a wait before the next attempt.
    pub(super) async fn sweep(&self) -> crate::job::Finished {
        let backoff = resilience::Backoff::new(Duration::ZERO, Duration::ZERO);
        self.jobs.end_expired(Note::QUEUE, backoff).await.unwrap()
    }

    pub(super) async fn run(&self, sql: &'static str) {
        let run: Result<u64, StoreError> =
            self.store.write(|tx| Box::pin(async move { tx.execute(sql, args![]).await })).await;
        run.unwrap();
    }

    /// The first column of the only row.
    pub(super) async fn number(&self, sql: &'static str, values: Vec<Value>) -> i64 {
        let read: Result<i64, StoreError> = self
            .store
            .read(|tx| {
                let values = values.clone();
                Box::pin(async move { tx.fetch_one(sql, values).await?.at(0) })
            })
            .await;
        read.unwrap()
    }

    /// The number of live jobs.
    pub(super) async fn live(&self) -> i64 {
        self.number("SELECT COUNT(*) FROM evenkeel_job", args![]).await
    }

    pub(super) async fn dead(&self) -> i64 {
        self.number("SELECT COUNT(*) FROM evenkeel_dead", args![]).await
    }
}

pub(super) fn note_of(job: &ClaimedJob) -> i64 {
    serde_json::from_str::<Note>(&job.payload).unwrap().n
}

pub(super) fn notes_of(jobs: &[ClaimedJob]) -> Vec<i64> {
    jobs.iter().map(note_of).collect()
}

pub(super) fn held(jobs: &[ClaimedJob]) -> Vec<Held> {
    jobs.iter().map(|job| job.held).collect()
}
