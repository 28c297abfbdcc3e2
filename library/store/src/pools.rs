//! The connections of a store, and how a transaction begins on each engine.

#[cfg(feature = "postgres")]
use crate::driver::postgres::{self, PostgresPool, TransactionLimits};
#[cfg(feature = "sqlite")]
use crate::driver::sqlite::{self, SqlitePools};
use crate::options::{Isolation, Options};
use crate::places::Places;
use crate::stats::Fill;
use crate::transaction::Running;
use crate::url::Target;
use crate::{Engine, StoreError, StoreUrl};

/// The connections of one store.
#[derive(Clone, Debug)]
pub(crate) enum Pools {
    #[cfg(feature = "sqlite")]
    Sqlite(SqlitePools),
    #[cfg(feature = "postgres")]
    Postgres(PostgresPool),
}

/// Purpose of a transaction, which selects its timeouts on PostgreSQL.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Request,
    Migration,
}

impl Pools {
    pub(crate) async fn open(url: &StoreUrl, options: &Options) -> Result<Self, StoreError> {
        #[cfg(feature = "postgres")]
        url.refuse_plaintext()?;
        match &url.target {
            #[cfg(feature = "sqlite")]
            Target::Memory => sqlite::open_memory(options).await.map(Self::Sqlite),
            #[cfg(feature = "sqlite")]
            Target::File(file) => sqlite::open_file(url, file, options).await.map(Self::Sqlite),
            #[cfg(feature = "postgres")]
            Target::Postgres(target) => postgres::open(url, target, options).await.map(Self::Postgres),
        }
    }

    /// Begins a transaction that writes. SQLite's are always serializable.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(unused_variables, reason = "SQLite has one level and no bounds of a transaction")
    )]
    pub(crate) async fn begin_write(
        &self,
        isolation: Isolation,
        purpose: Purpose,
        options: &Options,
    ) -> Result<Running, sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pools) => pools.writer.begin_with("BEGIN IMMEDIATE").await.map(Running::Sqlite),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => {
                let limits = match purpose {
                    Purpose::Request => TransactionLimits::of(options),
                    Purpose::Migration => TransactionLimits::of_migrations(options),
                };
                postgres::begin(pool, limits.begin(isolation.sql())).await.map(Running::Postgres)
            }
        }
    }

    /// Begins a transaction that reads one snapshot.
    #[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "SQLite has no bounds of a transaction"))]
    pub(crate) async fn begin_read(&self, options: &Options) -> Result<Running, sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pools) => pools.readers.begin().await.map(Running::Sqlite),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => {
                let begin = TransactionLimits::of(options).begin("REPEATABLE READ READ ONLY");
                postgres::begin(pool, begin).await.map(Running::Postgres)
            }
        }
    }

    /// The connections for steps outside transactions: one apart on PostgreSQL, the only writer on SQLite.
    #[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "SQLite has no bounds of a session"))]
    pub(crate) fn side(&self, options: &Options) -> Self {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pools) => Self::Sqlite(pools.clone()),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => Self::Postgres(postgres::side(pool, options)),
        }
    }

    /// One connection of its own on PostgreSQL, the same pools on SQLite.
    #[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "SQLite shares its connections"))]
    pub(crate) fn reserved(&self, options: &Options) -> Self {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pools) => Self::Sqlite(pools.clone()),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => Self::Postgres(postgres::reserved(pool, options)),
        }
    }

    /// A connection that listens; none on SQLite.
    #[cfg(feature = "postgres")]
    pub(crate) fn listening(&self, options: &Options) -> Option<sqlx::PgPool> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => None,
            Self::Postgres(pool) => Some(postgres::reserved(pool, options).pool),
        }
    }

    /// Closes what [`Pools::side`] opened.
    pub(crate) async fn close_side(&self) {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => {}
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pool.pool.close().await,
        }
    }

    /// Runs one statement outside a transaction.
    pub(crate) async fn run_outside(&self, sql: sqlx::SqlStr) -> Result<(), sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pools) => sqlite::run_outside(pools, sql).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => postgres::run_outside(pool, sql).await,
        }
    }

    pub(crate) fn engine(&self) -> Engine {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Engine::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// The connections, as the server's gate counts their users.
    pub(crate) fn places(&self) -> Places {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pools) if pools.is_one() => Places::shared(1),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Places::apart(1, self.fill().limit),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Places::shared(self.fill().limit),
        }
    }

    pub(crate) fn fill(&self) -> Fill {
        let of = |open, idle: usize, limit| Fill { open, idle: u32::try_from(idle).unwrap_or(u32::MAX), limit };
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(SqlitePools { readers, .. }) => {
                of(readers.size(), readers.num_idle(), readers.options().get_max_connections())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(PostgresPool { pool, .. }) => {
                of(pool.size(), pool.num_idle(), pool.options().get_max_connections())
            }
        }
    }

    /// Returns true if named prepared statements can be used.
    pub(crate) fn named_statements(&self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => true,
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pool.named_statements,
        }
    }

    /// Closes every connection, after those in use have come back.
    pub(crate) async fn close(&self) {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(SqlitePools { writer, readers, .. }) => {
                readers.close().await;
                writer.close().await;
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pool.pool.close().await,
        }
    }
}
