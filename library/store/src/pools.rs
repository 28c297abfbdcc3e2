//! The connections of a store: opening, bounds, and how a transaction begins on each engine.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgPool, SqliteConnection, SqlitePool};

use crate::options::{Isolation, Options};
use crate::stats::Fill;
use crate::transaction::Running;
use crate::url::{SqliteFile, Target};
use crate::{Engine, StoreError, StoreUrl};

/// The connections of one store.
#[derive(Clone, Debug)]
pub(crate) enum Pools {
    /// One connection writes, so that writers queue here and not on a busy database; the others only read.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres {
        pool: PgPool,
        named_statements: bool,
    },
}

impl Pools {
    pub(crate) async fn open(url: &StoreUrl, options: &Options) -> Result<Self, StoreError> {
        url.refuse_plaintext()?;
        match &url.target {
            Target::Memory => open_memory(options).await,
            Target::File(file) => open_file(url, file, options).await,
            Target::Postgres(connect) => open_postgres(url, connect, options).await,
        }
    }

    /// Begins a transaction that writes. SQLite's are always serializable.
    pub(crate) async fn begin_write(
        &self,
        isolation: Isolation,
        limits: TransactionLimits,
    ) -> Result<Running, sqlx::Error> {
        match self {
            Self::Sqlite { writer, .. } => writer.begin_with("BEGIN IMMEDIATE").await.map(Running::Sqlite),
            Self::Postgres { pool, .. } => {
                let begin = limits.begin(isolation.sql());
                pool.begin_with(AssertSqlSafe(begin)).await.map(Running::Postgres)
            }
        }
    }

    /// Begins a transaction that reads one snapshot.
    pub(crate) async fn begin_read(&self, limits: TransactionLimits) -> Result<Running, sqlx::Error> {
        match self {
            Self::Sqlite { readers, .. } => readers.begin().await.map(Running::Sqlite),
            Self::Postgres { pool, .. } => {
                let begin = limits.begin("REPEATABLE READ READ ONLY");
                pool.begin_with(AssertSqlSafe(begin)).await.map(Running::Postgres)
            }
        }
    }

    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres { .. } => Engine::Postgres,
        }
    }

    pub(crate) fn fill(&self) -> Fill {
        let of = |open, idle: usize, limit| Fill { open, idle: u32::try_from(idle).unwrap_or(u32::MAX), limit };
        match self {
            Self::Sqlite { readers, .. } => {
                of(readers.size(), readers.num_idle(), readers.options().get_max_connections())
            }
            Self::Postgres { pool, .. } => of(pool.size(), pool.num_idle(), pool.options().get_max_connections()),
        }
    }

    /// Whether statements may be prepared under a name.
    pub(crate) fn named_statements(&self) -> bool {
        !matches!(self, Self::Postgres { named_statements: false, .. })
    }

    /// Closes every connection, after those in use have come back.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres { pool, .. } => pool.close().await,
        }
    }
}

/// The timeouts of one transaction on PostgreSQL, zero for none. They are set with the transaction and end with it, so that they
/// work behind a pooler and leave nothing on a connection that others use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransactionLimits {
    pub(crate) statement: Duration,
    pub(crate) lock: Duration,
    pub(crate) idle: Duration,
}

impl TransactionLimits {
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            statement: options.statement_timeout,
            lock: options.lock_timeout,
            idle: options.idle_in_transaction_timeout,
        }
    }

    pub(crate) fn of_migrations(options: &Options) -> Self {
        Self {
            statement: options.migration_timeout,
            lock: options.migration_lock_timeout,
            idle: options.migration_timeout,
        }
    }

    /// One round trip. Only numbers and words of this file are in it.
    fn begin(self, mode: &'static str) -> String {
        let Self { statement, lock, idle } = self;
        format!(
            "BEGIN ISOLATION LEVEL {mode}; SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; \
             SET LOCAL idle_in_transaction_session_timeout = {}",
            milliseconds(statement),
            milliseconds(lock),
            milliseconds(idle),
        )
    }
}

/// PostgreSQL's timeouts are whole milliseconds of at most 31 bits; a bound below one is one, as zero is none.
fn milliseconds(duration: Duration) -> i32 {
    if duration.is_zero() { 0 } else { i32::try_from(duration.as_millis()).unwrap_or(i32::MAX).max(1) }
}

async fn open_memory(options: &Options) -> Result<Pools, StoreError> {
    // A database in memory is its connection: one for everything, kept for ever.
    let pool = SqlitePoolOptions::new().max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
    let connect = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
    let pool = pool.acquire_timeout(options.acquire_timeout).connect_with(connect).await?;
    Ok(Pools::Sqlite { writer: pool.clone(), readers: pool })
}

async fn open_file(url: &StoreUrl, file: &SqliteFile, options: &Options) -> Result<Pools, StoreError> {
    /// SQLITE_NOTADB.
    const NO_DATABASE: &str = "26";
    const OTHER_FILE: &str = "move the file away if it is not needed, or set DATABASE_URL to another place";
    const ADVICE: &str = "give the service a folder that it may write to, or set DATABASE_URL to another place";
    let path = file.path.as_path();
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| {
            unreachable(url, format!("the folder {} cannot be made: {error}", folder.display()), ADVICE)
        })?;
    }
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(file.create)
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
    // No startup parameter that a pooler would refuse: timeouts come with each transaction.
    let connect = connect.clone().extra_float_digits(None);
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
    Ok(Pools::Postgres { pool, named_statements: url.named_statements })
}

pub(crate) fn unreachable(url: &StoreUrl, reason: String, advice: &'static str) -> StoreError {
    StoreError::Unreachable { url: url.to_string(), reason, advice }
}
