//! The bounds of a store, and the isolation of its transactions.

use std::time::Duration;

/// The bounds of a store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Connections that read (SQLite), or all connections (PostgreSQL). Default 8 and 16.
    pub connections: Option<u32>,
    /// For a free connection. Default 2 s.
    pub acquire_timeout: Duration,
    /// For the first connection at start. Default 5 s.
    pub connect_timeout: Duration,
    /// For one statement (PostgreSQL), and for another process's lock (SQLite). Default 10 s.
    pub statement_timeout: Duration,
    /// For a lock of another transaction (PostgreSQL). Default 5 s.
    pub lock_timeout: Duration,
    /// For the time between two statements of a transaction (PostgreSQL). Default 30 s.
    pub idle_in_transaction_timeout: Duration,
    /// For one statement of a migration (PostgreSQL); zero for none. Default 1 h.
    pub migration_timeout: Duration,
    /// For another instance that migrates. Default 10 min.
    pub migration_lock_timeout: Duration,
    /// How long an answer is kept for repetitions. Default 7 days.
    pub idempotency_retention: Duration,
    /// How long a repetition waits for the first request with its key, without a connection. Default 2 s.
    pub idempotency_wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: None,
            acquire_timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(5),
            idle_in_transaction_timeout: Duration::from_secs(30),
            migration_timeout: Duration::from_secs(3600),
            migration_lock_timeout: Duration::from_secs(600),
            idempotency_retention: Duration::from_secs(7 * 86_400),
            idempotency_wait: Duration::from_secs(2),
        }
    }
}

/// How far concurrent transactions are kept apart on PostgreSQL. SQLite's are always serializable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Isolation {
    /// As if one ran after the other. A transaction that would see otherwise is run again.
    #[default]
    Serializable,
    /// One snapshot; a row that was changed meanwhile cannot be written. Write skew is possible.
    RepeatableRead,
    /// Each statement sees what was committed before it. Updates can be lost between a read and a write.
    ReadCommitted,
}

#[cfg(feature = "postgres")]
impl Isolation {
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Serializable => "SERIALIZABLE",
            Self::RepeatableRead => "REPEATABLE READ",
            Self::ReadCommitted => "READ COMMITTED",
        }
    }
}
