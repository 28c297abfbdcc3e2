//! Walks through the model of the lease, replayed on SQLite: each answer of the engine, and the row after it, are those of the model.

use std::collections::HashSet;
use std::time::Duration;

use evenkeel_work::job::{ClaimRequest, Failure, FailureKind, Held};
use evenkeel_work::{Job, JobStore, WorkError, enqueue};
use resilience::Backoff;
use serde::{Deserialize, Serialize};
use store::{Migrations, Options, Store, StoreError, args};

use crate::lease_model::{Action, MAX_ATTEMPTS, Model, State};

/// Walks and their length: in them each action has an effect and is refused many times.
const WALKS: u64 = 120;
const LENGTH: u64 = 14;
const LEASE: Duration = Duration::from_secs(3600);

#[derive(Serialize, Deserialize)]
struct Note {}
impl Job for Note {
    const KIND: &'static str = "note";
    const MAX_ATTEMPTS: u16 = MAX_ATTEMPTS as u16;
}

struct Engine {
    store: Store,
    jobs: JobStore,
    /// The last claims of the workers.
    held: [Option<Held>; 2],
}

impl Engine {
    async fn change(&self, sql: &'static str) -> u64 {
        let changed: Result<u64, StoreError> =
            self.store.write(|tx| Box::pin(async move { tx.execute(sql, args![]).await })).await;
        changed.unwrap()
    }

    async fn begin(&mut self) {
        for clear in ["DELETE FROM evenkeel_job", "DELETE FROM evenkeel_dead"] {
            self.change(clear).await;
        }
        self.held = [None; 2];
        let added: Result<_, WorkError> =
            self.store.write(|tx| Box::pin(async move { enqueue(tx, &Note {}).await })).await;
        added.unwrap();
    }

    /// Does it on the engine; returns whether it had an effect.
    async fn act(&mut self, action: Action) -> bool {
        let now = Backoff::new(Duration::ZERO, Duration::ZERO);
        match action {
            Action::Claim(worker) => {
                let mut request = ClaimRequest::new(Note::QUEUE, vec![Note::KIND.to_owned()], 1);
                request.lease = LEASE;
                let claimed = self.jobs.claim(&mut request).await.unwrap();
                if let Some(job) = claimed.first() {
                    self.held[worker] = Some(job.held);
                }
                !claimed.is_empty()
            }
            Action::Complete(worker) => match self.held[worker] {
                Some(held) => self.jobs.complete(&[held]).await.unwrap().count() == 1,
                None => false,
            },
            Action::Fail(worker) => match self.held[worker] {
                Some(held) => {
                    let failure = Failure { held, kind: FailureKind::Retry(Duration::ZERO), error: "no".to_owned() };
                    self.jobs.fail(&[failure]).await.unwrap().count() == 1
                }
                None => false,
            },
            Action::Beat(worker) => match self.held[worker] {
                Some(held) => self.jobs.beat(&[(held, String::new())], LEASE).await.unwrap().len() == 1,
                None => false,
            },
            Action::LeaseEnds => {
                self.change("UPDATE evenkeel_job SET lease_until = 1 WHERE state = 1 AND lease_until > 1").await == 1
            }
            Action::Sweep => self.jobs.end_expired(Note::QUEUE, now).await.unwrap().count() == 1,
            Action::Redrive => {
                let dead: Vec<i64> =
                    self.jobs.dead_letters(Note::QUEUE, 0, 10).await.unwrap().iter().map(|dead| dead.id).collect();
                !dead.is_empty() && self.jobs.redrive(&dead).await.unwrap().len() == 1
            }
        }
    }

    /// Live and dead rows, and of the live one: running, attempt, fence.
    async fn row(&self) -> (i64, i64, i64, i64, i64) {
        let sql = "SELECT COUNT(*), COALESCE(MAX(state), 0), COALESCE(MAX(attempt), 0), COALESCE(MAX(fence), 0), \
                   (SELECT COUNT(*) FROM evenkeel_dead) FROM evenkeel_job";
        let read: Result<_, StoreError> = self
            .store
            .read(|tx| {
                Box::pin(async move {
                    let row = tx.fetch_one(sql, args![]).await?;
                    Ok((row.at(0)?, row.at(4)?, row.at(1)?, row.at(2)?, row.at(3)?))
                })
            })
            .await;
        read.unwrap()
    }
}

fn row_of(model: &Model) -> (i64, i64, i64, i64, i64) {
    let (attempt, fence) = (i64::from(model.attempt), i64::from(model.fence));
    match model.state {
        State::Ready => (1, 0, 0, attempt, fence),
        State::Running(_) => (1, 0, 1, attempt, fence),
        State::Dead => (0, 1, 0, 0, 0),
        State::Done => (0, 0, 0, 0, 0),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_w5_the_engine_answers_as_the_model_in_every_step_of_random_walks() {
    let store = Store::open(&"sqlite::memory:".parse().unwrap(), Options::default()).await.unwrap();
    store.migrate(&evenkeel_work::add_schema(Migrations::default())).await.unwrap();
    let mut engine = Engine { jobs: JobStore::new(&store), store, held: [None; 2] };
    let actions = Model::actions();
    let mut seen: HashSet<(Action, bool)> = HashSet::new();
    // The same walks in each run: a failure names the walk.
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for walk in 0..WALKS {
        engine.begin().await;
        let (mut model, mut path) = (Model::new(false), Vec::new());
        for _ in 0..LENGTH {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let action = actions[(random >> 33) as usize % actions.len()];
            path.push(action);
            // The model redrives once.
            if action == Action::Redrive && model.row > 0 {
                continue;
            }
            let expected = model.act(action);
            assert_eq!(engine.act(action).await, expected, "walk {walk}: {path:?}");
            assert_eq!(engine.row().await, row_of(&model), "walk {walk}: {path:?}");
            seen.insert((action, expected));
        }
    }
    let missing: Vec<_> = actions
        .iter()
        .flat_map(|&action| [(action, true), (action, false)])
        .filter(|one| !seen.contains(one))
        .collect();
    assert!(missing.is_empty(), "not walked through: {missing:?}");
}
