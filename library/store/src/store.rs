//! Opens a database and runs transactions on it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use resilience::Backoff;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, PgPool, SqliteConnection, SqlitePool};
use vitals::Registry;

use crate::idempotency::{self, Claim};
use crate::stats::{Counters, Fill, Vitals};
use crate::transaction::Running;
use crate::url::Target;
use crate::{
    Engine, Fingerprint, IdempotencyKey, Migrations, OnceOutcome, Recorded, StoreError, StoreUrl, Transaction,
    migration,
};

/// How often a transaction that met another is run again.
const MAX_RETRIES: u32 = 3;
const RETRY: Backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(100));

/// The bounds of a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// Connections that read (SQLite), or all connections (PostgreSQL). Default 8 and 16.
    pub connections: Option<u32>,
    /// For a free connection. Default 2 s.
    pub acquire_timeout: Duration,
    /// For the first connection at start. Default 5 s.
    pub connect_timeout: Duration,
    /// For one statement (PostgreSQL), and for another process's lock (SQLite). Default 10 s.
    pub statement_timeout: Duration,
    /// How long an answer is kept for repetitions. Default 7 days.
    pub idempotency_retention: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: None,
            acquire_timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            idempotency_retention: Duration::from_secs(7 * 86_400),
        }
    }
}

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pools: Pools,
    options: Options,
    counters: Arc<Counters>,
    vitals: Arc<Vitals>,
}

#[derive(Clone, Debug)]
enum Pools {
    /// One connection writes, so that writers queue here and not on a busy database; the others only read.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

impl Store {
    /// Opens the database, within the connect timeout. SQLite's file and folder are made when missing.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] with the way out.
    pub async fn open(url: &StoreUrl, options: Options) -> Result<Self, StoreError> {
        let connecting = async {
            match &url.target {
                Target::Memory => open_memory(&options).await,
                Target::File(path) => open_file(url, path, &options).await,
                Target::Postgres(connect) => open_postgres(url, connect, &options).await,
            }
        };
        let pools = tokio::time::timeout(options.connect_timeout, connecting).await.map_err(|_| {
            let reason = format!("no answer within {:?}", options.connect_timeout);
            unreachable(url, reason, "check that the database runs and that DATABASE_URL names its address")
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
        Ok(Self { pools, options, counters, vitals })
    }

    /// Adds the store's vitals to a registry, for as long as the store lives.
    pub fn register(&self, registry: &Registry) {
        registry.register(self.vitals.clone());
    }

    /// The engine.
    pub fn engine(&self) -> Engine {
        self.pools.engine()
    }

    /// Applies the migrations that are pending, all or none; returns their versions.
    ///
    /// # Errors
    /// [`StoreError::Migration`] when one fails or was changed after it had been applied.
    pub async fn migrate(&self, migrations: &Migrations) -> Result<Vec<i64>, StoreError> {
        let mut tx = self.begin_write().await?;
        let applied = migration::apply(&mut tx, self.engine(), migrations).await?;
        self.commit(tx).await?;
        Ok(applied)
    }

    /// The versions of migrations that are not applied yet.
    ///
    /// # Errors
    /// As [`Store::migrate`].
    pub async fn pending(&self, migrations: &Migrations) -> Result<Vec<i64>, StoreError> {
        let mut tx = self.begin_write().await?;
        let pending = migration::pending(&mut tx, self.engine(), migrations).await?;
        self.commit(tx).await?;
        Ok(pending)
    }

    /// Runs one transaction: commits when `work` returns `Ok`, rolls back when it returns `Err`.
    ///
    /// `work` is run again, at most three times, when another transaction was in the way: it must have no effect but
    /// on the transaction. Cancel-safe: dropped before the commit it leaves nothing; dropped during the commit the
    /// outcome is one or the other.
    ///
    /// # Errors
    /// `work`'s own, or the store's.
    pub async fn write<T, E, F>(&self, mut work: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Transaction) -> BoxFuture<'t, Result<T, E>>,
        E: From<StoreError>,
    {
        let mut retries = 0;
        loop {
            let mut tx = self.begin_write().await?;
            let outcome = work(&mut tx).await;
            match self.end(tx, outcome).await {
                Ended::Over(outcome) => return outcome,
                Ended::Conflict(error) => self.wait_to_retry(&mut retries, error).await?,
            }
        }
    }

    /// Runs reads on one snapshot of the database.
    ///
    /// # Errors
    /// `work`'s own, or the store's.
    pub async fn read<T, E, F>(&self, mut work: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Transaction) -> BoxFuture<'t, Result<T, E>>,
        E: From<StoreError>,
    {
        let mut tx = self.begin_read().await?;
        let outcome = work(&mut tx).await;
        tx.rollback().await;
        outcome
    }

    /// Runs `work` once for a key, however often and from wherever it is asked for; later calls get the first answer.
    ///
    /// The answer is written in the transaction of the effect, so that after a crash there are both or neither. An
    /// `Err` of `work` undoes everything, the key included, so that a repetition can succeed.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`] when the key was used with another fingerprint; `work`'s own, or the store's.
    pub async fn once<E, F>(&self, key: &IdempotencyKey, fingerprint: Fingerprint, mut work: F) -> Result<Recorded, E>
    where
        F: for<'t> FnMut(&'t mut Transaction) -> BoxFuture<'t, Result<OnceOutcome, E>>,
        E: From<StoreError>,
    {
        let mut retries = 0;
        loop {
            let mut tx = self.begin_write().await?;
            let outcome = once_in(&mut tx, key, fingerprint, &mut work).await;
            match self.end(tx, outcome).await {
                Ended::Over(Ok(recorded)) => {
                    if recorded.replayed {
                        Counters::add(&self.counters.replayed);
                    }
                    return Ok(recorded);
                }
                Ended::Over(Err(error)) => return Err(error),
                Ended::Conflict(error) => self.wait_to_retry(&mut retries, error).await?,
            }
        }
    }

    /// Forgets answers older than the retention, at most `limit`; returns how many. Call it from time to time.
    ///
    /// # Errors
    /// The store's.
    pub async fn purge_idempotency(&self, limit: u32) -> Result<u64, StoreError> {
        let before = SystemTime::now() - self.options.idempotency_retention;
        self.write(move |tx| Box::pin(async move { idempotency::purge(tx, before, limit).await })).await
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// The store's.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read(|tx| Box::pin(async move { tx.fetch_one("SELECT 1 AS one", Vec::new()).await.map(drop) })).await
    }

    /// Closes every connection, after those in use have come back.
    pub async fn close(self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    async fn begin_write(&self) -> Result<Transaction, StoreError> {
        let running = match &self.pools {
            Pools::Sqlite { writer, .. } => writer.begin_with("BEGIN IMMEDIATE").await.map(Running::Sqlite),
            Pools::Postgres(pool) => pool.begin().await.map(Running::Postgres),
        };
        running.map(Transaction::new).map_err(|error| self.not_begun(error))
    }

    async fn begin_read(&self) -> Result<Transaction, StoreError> {
        let running = match &self.pools {
            Pools::Sqlite { readers, .. } => readers.begin().await.map(Running::Sqlite),
            Pools::Postgres(pool) => {
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map(Running::Postgres)
            }
        };
        running.map(Transaction::new).map_err(|error| self.not_begun(error))
    }

    fn not_begun(&self, error: sqlx::Error) -> StoreError {
        if !matches!(error, sqlx::Error::PoolTimedOut) {
            return error.into();
        }
        Counters::add(&self.counters.acquire_timeouts);
        StoreError::AcquireTimeout { waited: self.options.acquire_timeout, size: self.pools.fill().limit }
    }

    async fn commit(&self, tx: Transaction) -> Result<(), StoreError> {
        tx.commit().await?;
        Counters::add(&self.counters.committed);
        Ok(())
    }

    /// Commits what went well, rolls back what did not, and tells whether another transaction was to blame.
    async fn end<T, E: From<StoreError>>(&self, tx: Transaction, outcome: Result<T, E>) -> Ended<T, E> {
        match outcome {
            Ok(value) => match self.commit(tx).await {
                Ok(()) => Ended::Over(Ok(value)),
                Err(error) if error.is_conflict() => Ended::Conflict(error.into()),
                Err(error) => Ended::Over(Err(error.into())),
            },
            Err(error) => {
                let met_conflict = tx.met_conflict;
                Counters::add(&self.counters.rolled_back);
                tx.rollback().await;
                if met_conflict { Ended::Conflict(error) } else { Ended::Over(Err(error)) }
            }
        }
    }

    /// Waits before the next try, or gives the error back when there were enough.
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

/// How one try of a transaction ended.
enum Ended<T, E> {
    Over(Result<T, E>),
    Conflict(E),
}

/// The key, the effect and the answer, in one transaction.
async fn once_in<E, F>(
    tx: &mut Transaction,
    key: &IdempotencyKey,
    fingerprint: Fingerprint,
    work: &mut F,
) -> Result<Recorded, E>
where
    F: for<'t> FnMut(&'t mut Transaction) -> BoxFuture<'t, Result<OnceOutcome, E>>,
    E: From<StoreError>,
{
    if let Claim::Answered(answer) = idempotency::claim(tx, key, fingerprint).await? {
        return Ok(Recorded { answer, replayed: true });
    }
    tx.execute("SAVEPOINT effect", Vec::new()).await?;
    let answer = match work(tx).await? {
        OnceOutcome::Commit(answer) => answer,
        OnceOutcome::Refuse(answer) => {
            tx.execute("ROLLBACK TO SAVEPOINT effect", Vec::new()).await?;
            answer
        }
    };
    tx.execute("RELEASE SAVEPOINT effect", Vec::new()).await?;
    idempotency::record(tx, key, &answer).await?;
    Ok(Recorded { answer, replayed: false })
}

impl Pools {
    fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    fn fill(&self) -> Fill {
        let of = |open, idle: usize, limit| Fill { open, idle: u32::try_from(idle).unwrap_or(u32::MAX), limit };
        match self {
            Self::Sqlite { readers, .. } => {
                of(readers.size(), readers.num_idle(), readers.options().get_max_connections())
            }
            Self::Postgres(pool) => of(pool.size(), pool.num_idle(), pool.options().get_max_connections()),
        }
    }
}

impl Engine {
    /// Its name in vitals.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

async fn open_memory(options: &Options) -> Result<Pools, StoreError> {
    // A database in memory is its connection: one for everything, kept for ever.
    let pool = SqlitePoolOptions::new().max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
    let connect = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
    let pool = pool.acquire_timeout(options.acquire_timeout).connect_with(connect).await?;
    Ok(Pools::Sqlite { writer: pool.clone(), readers: pool })
}

async fn open_file(url: &StoreUrl, path: &Path, options: &Options) -> Result<Pools, StoreError> {
    /// SQLITE_NOTADB.
    const NO_DATABASE: &str = "26";
    const OTHER_FILE: &str = "move the file away if it is not needed, or set DATABASE_URL to another place";
    const ADVICE: &str = "give the service a folder that it may write to, or set DATABASE_URL to another place";
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| {
            unreachable(url, format!("the folder {} cannot be made: {error}", folder.display()), ADVICE)
        })?;
    }
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // Every commit reaches the disk before it is acknowledged.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(options.statement_timeout);
    let pool = |connections: u32| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_release(|connection, _| Box::pin(is_at_rest(connection)))
    };
    let refused = |error: sqlx::Error| {
        let told = error.as_database_error().and_then(|error| error.code());
        let advice = if told.as_deref() == Some(NO_DATABASE) { OTHER_FILE } else { ADVICE };
        unreachable(url, error.to_string(), advice)
    };
    let writer = pool(1).connect_with(connect.clone()).await.map_err(refused)?;
    // Opening is lazy about the right to write: ask for it now.
    sqlx::raw_sql("BEGIN IMMEDIATE; ROLLBACK").execute(&writer).await.map_err(refused)?;
    let readers = pool(options.connections.unwrap_or(8)).connect_with(connect.create_if_missing(false).read_only(true));
    Ok(Pools::Sqlite { writer, readers: readers.await.map_err(refused)? })
}

/// Whether a connection that comes back is in no transaction; else it is closed, and the next caller gets a new one.
///
/// When a commit fails for want of space SQLite rolls back by itself. The driver does not see that, and would refuse every
/// transaction that follows on the connection.
async fn is_at_rest(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // What a dropped transaction has queued is run first.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

async fn open_postgres(url: &StoreUrl, connect: &PgConnectOptions, options: &Options) -> Result<Pools, StoreError> {
    let timeout = format!("{}ms", options.statement_timeout.as_millis());
    let connect = connect.clone().options([("statement_timeout", timeout.as_str())]);
    // The pool would try again in silence: the first connection says what is wrong.
    let first = connect.connect().await.map_err(|error| {
        let advice = "check that PostgreSQL runs, and host, database, user and password in DATABASE_URL";
        unreachable(url, error.to_string(), advice)
    })?;
    let _ = sqlx::Connection::close(first).await;
    let pool = PgPoolOptions::new()
        .max_connections(options.connections.unwrap_or(16))
        .acquire_timeout(options.acquire_timeout)
        .connect_lazy_with(connect);
    Ok(Pools::Postgres(pool))
}

fn unreachable(url: &StoreUrl, reason: String, advice: &'static str) -> StoreError {
    StoreError::Unreachable { url: url.to_string(), reason, advice }
}
