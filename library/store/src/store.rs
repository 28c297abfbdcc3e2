//! Opens a database and runs transactions on it.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use resilience::Backoff;
use resilience::admission::PoolUser;
use telemetry::in_step;
use tokio::time::Instant;
use vitals::{Registry, Step};

use crate::idempotency::{self, Claim};
use crate::options::{Isolation, Options};
use crate::places::Places;
use crate::pools::{Pools, Purpose};
use crate::stats::{Counters, InUse, Statements, Vitals};
use crate::transaction::Running;
use crate::{
    Engine, Fingerprint, IdempotencyKey, OnceOutcome, Recorded, StoreError, StoreUrl, StoredResponse, Transaction,
    spans,
};

/// Maximum number of times that a transaction is run again after a conflict.
pub const MAX_RETRIES: u32 = 15;
/// Maximum number of broken connections that a transaction may meet before it begins.
const MAX_BROKEN: u32 = 3;
/// Maximum number of times that [`Store::once`] resolves a commit whose confirmation was lost.
const MAX_LOST: u32 = 3;
const RETRY: Backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(200));
/// Wait between two checks for the end of another transaction.
pub(crate) const LOOK: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(200));

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pools: Pools,
    pub(crate) options: Options,
    in_use: Arc<AtomicU32>,
    places: Places,
    counters: Arc<Counters>,
    vitals: Arc<Vitals>,
    statements: Arc<Statements>,
}

impl Store {
    /// Opens the database, within the connect timeout. SQLite's file and folder are made when missing. Cancel-safe.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] with the way out.
    pub async fn open(url: &StoreUrl, options: Options) -> Result<Self, StoreError> {
        let connecting = Pools::open(url, &options);
        let pools = tokio::time::timeout(options.connect_timeout, connecting).await.map_err(|_| {
            let reason = format!("no answer within {:?}", options.connect_timeout);
            StoreError::unreachable(url, reason, "check that the database runs and that DATABASE_URL names its address")
        })??;
        let counters = Arc::new(Counters::default());
        let vitals = Arc::new(Vitals {
            engine: pools.engine().name(),
            counters: counters.clone(),
            fill: Box::new({
                let pools = pools.clone();
                move || pools.fill()
            }),
        });
        let statements = Arc::new(Statements { engine: pools.engine().name(), counters: counters.clone() });
        let places = pools.places();
        Ok(Self { pools, options, in_use: Arc::new(AtomicU32::new(0)), places, counters, vitals, statements })
    }

    /// Adds the store's vitals to a registry, for as long as the store lives.
    pub fn register(&self, registry: &Registry) {
        registry.register(self.vitals.clone());
        registry.register(self.statements.clone());
    }

    /// The engine.
    pub fn engine(&self) -> Engine {
        self.pools.engine()
    }

    /// Runs one transaction: commits when `work` returns `Ok`, rolls back when it returns `Err`.
    ///
    /// Transactions are serializable on both engines: what `work` reads and writes is as if no other ran at the same time.
    /// `work` is run again, at most [`MAX_RETRIES`] times with jittered pauses, when another transaction was in the way or the connection
    /// broke before the commit: it must have no effect but on the transaction. A statement that failed makes the whole transaction fail; use
    /// [`Transaction::try_execute`] for one whose error `work` handles.
    ///
    /// Cancel-safe: dropped before the commit it leaves nothing; dropped during the commit the outcome is one or the other.
    ///
    /// `work` returns a boxed future and not an async closure: a future that lends the transaction cannot be shown to be `Send` for
    /// every lifetime yet, so that no handler could wait for it (<https://github.com/rust-lang/rust/issues/110338>). Since `work` may run
    /// again, each run takes its own copy of what it uses up:
    ///
    /// ```
    /// # use evenkeel_store::{Store, StoreError, args};
    /// # async fn example(store: &Store, text: String) -> Result<(), StoreError> {
    /// store
    ///     .write(|tx| {
    ///         let text = text.clone();
    ///         Box::pin(async move { tx.execute("INSERT INTO notes (text) VALUES ($1)", args![text]).await })
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// `work`'s own, or the store's; [`StoreError::Unknown`] when the connection broke during the commit.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Transaction) -> BoxFuture<'t, Result<T, E>>,
        E: From<StoreError>,
    {
        self.write_at(Isolation::Serializable, work).await
    }

    /// As [`Store::write`], at a weaker isolation on PostgreSQL. Cancel-safe like [`Store::write`].
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub async fn write_at<T, E, F>(&self, isolation: Isolation, mut work: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Transaction) -> BoxFuture<'t, Result<T, E>>,
        E: From<StoreError>,
    {
        let mut retries = 0;
        loop {
            let mut tx = self.begin_write(isolation).await?;
            let outcome = work(&mut tx).await;
            match self.end(tx, outcome).await {
                Ended::Over(outcome) => return outcome,
                Ended::Conflict(error) => self.wait_to_retry(&mut retries, error).await?,
                Ended::Lost(error) => return Err(error.into()),
            }
        }
    }

    /// Runs reads on one snapshot of the database.
    ///
    /// `work` is run again, at most [`MAX_RETRIES`] times with jittered pauses, when the connection broke or the schema changed. Each run
    /// takes its own copy of what it uses up, as shown at [`Store::write`]. Cancel-safe: a dropped read gives its connection back.
    ///
    /// # Errors
    /// `work`'s own, or the store's.
    pub async fn read<T, E, F>(&self, mut work: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Transaction) -> BoxFuture<'t, Result<T, E>>,
        E: From<StoreError>,
    {
        let mut retries = 0;
        loop {
            let mut tx = self.begin_read().await?;
            let outcome = work(&mut tx).await;
            let again = tx.again();
            tx.rollback().await;
            match outcome {
                Err(error) if again => self.wait_to_retry(&mut retries, error).await?,
                outcome => return outcome,
            }
        }
    }

    /// Runs `work` once for a key, however often and from wherever it is asked for; later calls get the first answer.
    ///
    /// The answer is written in the transaction of the effect, so that after a crash there are both or neither. An
    /// `Err` of `work` undoes everything, the key included, so that a repetition can succeed. When the connection breaks during the
    /// commit, the log is asked whether it took effect. A call that comes while the first one runs waits for it without a
    /// connection, at most [`Options::idempotency_wait`].
    ///
    /// Cancel-safe like [`Store::write`]: a dropped call has made both the effect and the answer, or neither; a repetition with the key shows which.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`] when the key was used with another fingerprint; [`StoreError::KeyInUse`] when the first request still
    /// runs; `work`'s own, or the store's.
    pub async fn once<E, F>(&self, key: &IdempotencyKey, fingerprint: Fingerprint, work: F) -> Result<Recorded, E>
    where
        F: for<'t> FnMut(&'t mut Transaction) -> BoxFuture<'t, Result<OnceOutcome, E>>,
        E: From<StoreError>,
    {
        self.once_at(Isolation::Serializable, key, fingerprint, work).await
    }

    /// As [`Store::once`], at a weaker isolation on PostgreSQL. Cancel-safe like [`Store::once`].
    ///
    /// # Errors
    /// Those of [`Store::once`].
    pub async fn once_at<E, F>(
        &self,
        isolation: Isolation,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        mut work: F,
    ) -> Result<Recorded, E>
    where
        F: for<'t> FnMut(&'t mut Transaction) -> BoxFuture<'t, Result<OnceOutcome, E>>,
        E: From<StoreError>,
    {
        let since = Instant::now();
        let (mut retries, mut lost, mut looks) = (0, 0, 0);
        loop {
            let mut tx = self.begin_write(isolation).await?;
            let outcome = once_in(&mut tx, self.engine(), key, fingerprint, &mut work).await;
            match self.end(tx, outcome).await {
                Ended::Over(Ok(Once::Recorded(recorded))) => {
                    if recorded.replayed {
                        Counters::add(&self.counters.replayed);
                    }
                    return Ok(recorded);
                }
                Ended::Over(Ok(Once::InUse)) => {
                    let left = self.options.idempotency_wait.saturating_sub(since.elapsed());
                    if left.is_zero() {
                        return Err(StoreError::KeyInUse.into());
                    }
                    tokio::time::sleep(LOOK.wait(looks).min(left)).await;
                    looks += 1;
                }
                Ended::Over(Err(error)) => return Err(error),
                Ended::Conflict(error) => self.wait_to_retry(&mut retries, error).await?,
                // The key tells: it is there with its effect, or neither is.
                Ended::Lost(error) => {
                    lost += 1;
                    if lost > MAX_LOST {
                        return Err(error.into());
                    }
                    tokio::time::sleep(RETRY.wait(lost)).await;
                }
            }
        }
    }

    /// Returns the answer that was given to a key, if it was: for a handler that asks a dependency before it writes. Cancel-safe.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`] when the key was used with another fingerprint, or the store's.
    pub async fn answered(
        &self,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
    ) -> Result<Option<StoredResponse>, StoreError> {
        let mut tx = self.begin_read().await?;
        let answered = idempotency::answered(&mut tx, key, fingerprint).await;
        tx.rollback().await;
        answered
    }

    /// Deletes answers older than the retention, at most `limit`; returns their number. A `Service` calls it by itself; a store without one should
    /// call it from time to time. Cancel-safe.
    ///
    /// # Errors
    /// The store's.
    pub async fn purge_idempotency(&self, limit: u32) -> Result<u64, StoreError> {
        let before = SystemTime::now() - self.options.idempotency_retention;
        self.write_at(Isolation::ReadCommitted, move |tx| {
            Box::pin(async move { idempotency::purge(tx, before, limit).await })
        })
        .await
    }

    /// Checks that the database answers. Cancel-safe.
    ///
    /// # Errors
    /// The store's.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read(|tx| Box::pin(async move { tx.fetch_one("SELECT 1 AS one", Vec::new()).await.map(drop) })).await
    }

    /// Closes every connection, after those in use have come back. When the future is dropped (it is not cancel-safe), no new transaction begins, and
    /// connections that are still in use close when they come back.
    pub async fn close(self) {
        self.pools.close().await;
    }

    /// The same store on other connections.
    pub(crate) fn with_pools(&self, pools: Pools) -> Self {
        Self { pools, ..self.clone() }
    }

    async fn begin_write(&self, isolation: Isolation) -> Result<Transaction, StoreError> {
        self.begin_with(isolation, Purpose::Request).await
    }

    pub(crate) async fn begin_with(&self, isolation: Isolation, purpose: Purpose) -> Result<Transaction, StoreError> {
        self.begun(self.places.to_write(), || self.pools.begin_write(isolation, purpose, &self.options)).await
    }

    pub(crate) async fn begin_read(&self) -> Result<Transaction, StoreError> {
        self.begun(self.places.to_read(), || self.pools.begin_read(&self.options)).await
    }

    /// Begins, on another connection when one turns out to be broken: nothing was asked for on it.
    async fn begun<F: Future<Output = Result<Running, sqlx::Error>>>(
        &self,
        user: PoolUser,
        begin: impl Fn() -> F,
    ) -> Result<Transaction, StoreError> {
        let (asked, _step) = (Instant::now(), in_step(Step::Pool));
        let begun = self.begun_since(asked, user, begin).await;
        spans::begun(self.engine().name(), asked, begun.as_ref().err());
        begun
    }

    async fn begun_since<F: Future<Output = Result<Running, sqlx::Error>>>(
        &self,
        asked: Instant,
        user: PoolUser,
        begin: impl Fn() -> F,
    ) -> Result<Transaction, StoreError> {
        let mut broken = 0;
        loop {
            match begin().await.map_err(|error| self.not_begun(error)) {
                Ok(running) => {
                    self.counters.waits.record(asked.elapsed());
                    let in_use = InUse::of(&self.in_use, &self.counters, user);
                    return Ok(Transaction::new(running, self.pools.named_statements(), in_use));
                }
                Err(StoreError::Disconnected(_)) if broken < MAX_BROKEN => broken += 1,
                Err(StoreError::Disconnected(error)) => return Err(StoreError::Unavailable(error)),
                Err(error) => return Err(error),
            }
        }
    }

    /// The pool tries to connect until the time is over: with fewer transactions under way than connections allowed it is the
    /// database that gives none.
    fn not_begun(&self, error: sqlx::Error) -> StoreError {
        if !matches!(error, sqlx::Error::PoolTimedOut) {
            return error.into();
        }
        let size = self.pools.fill().limit;
        if self.engine() == Engine::Postgres && self.in_use.load(std::sync::atomic::Ordering::Relaxed) < size {
            return StoreError::Unavailable(error);
        }
        Counters::add(&self.counters.acquire_timeouts);
        StoreError::AcquireTimeout { waited: self.options.acquire_timeout, size }
    }

    pub(crate) async fn commit(&self, tx: Transaction) -> Result<(), StoreError> {
        tx.commit().await?;
        Counters::add(&self.counters.committed);
        Ok(())
    }

    /// Commits what went well, rolls back what did not, and tells whether another transaction was to blame.
    async fn end<T, E: From<StoreError>>(&self, tx: Transaction, outcome: Result<T, E>) -> Ended<T, E> {
        let again = tx.again();
        match outcome {
            Ok(value) => match self.commit(tx).await {
                Ok(()) => Ended::Over(Ok(value)),
                Err(error) if error.is_conflict() || again => Ended::Conflict(error.into()),
                Err(error @ StoreError::Unknown(_)) => Ended::Lost(error),
                Err(error) => Ended::Over(Err(error.into())),
            },
            Err(error) => {
                Counters::add(&self.counters.rolled_back);
                tx.rollback().await;
                if again { Ended::Conflict(error) } else { Ended::Over(Err(error)) }
            }
        }
    }

    /// Waits before the next attempt, or gives the error back when there were enough.
    async fn wait_to_retry<E>(&self, retries: &mut u32, error: E) -> Result<(), E> {
        if *retries == MAX_RETRIES {
            return Err(error);
        }
        Counters::add(&self.counters.retried);
        tokio::time::sleep(RETRY.wait(*retries)).await;
        *retries += 1;
        Ok(())
    }
}

/// End of one attempt of a transaction.
enum Ended<T, E> {
    Over(Result<T, E>),
    Conflict(E),
    /// The commit's confirmation was lost.
    Lost(StoreError),
}

/// End of one attempt of an idempotent request.
enum Once {
    Recorded(Recorded),
    /// The first request with the key still runs.
    InUse,
}

/// The key, the effect and the answer, in one transaction.
async fn once_in<E, F>(
    tx: &mut Transaction,
    engine: Engine,
    key: &IdempotencyKey,
    fingerprint: Fingerprint,
    work: &mut F,
) -> Result<Once, E>
where
    F: for<'t> FnMut(&'t mut Transaction) -> BoxFuture<'t, Result<OnceOutcome, E>>,
    E: From<StoreError>,
{
    match idempotency::claim(tx, engine, key, fingerprint).await? {
        Claim::Answered(answer) => return Ok(Once::Recorded(Recorded { answer, replayed: true })),
        Claim::InUse => return Ok(Once::InUse),
        Claim::Fresh => {}
    }
    tx.execute("SAVEPOINT effect", Vec::new()).await?;
    let answer = match work(tx).await? {
        OnceOutcome::Commit(answer) => answer,
        OnceOutcome::Refuse(answer) => {
            tx.roll_back_to("ROLLBACK TO SAVEPOINT effect").await?;
            answer
        }
    };
    tx.execute("RELEASE SAVEPOINT effect", Vec::new()).await?;
    idempotency::record(tx, key, &answer).await?;
    Ok(Once::Recorded(Recorded { answer, replayed: false }))
}

impl Engine {
    /// Its name in vitals, that of OpenTelemetry's semantic conventions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
        }
    }
}
