//! Options of a store: timeouts, sizes, and the isolation of transactions.

use std::time::Duration;

/// Options of a store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Number of connections that read (SQLite), or of all connections (PostgreSQL). Default 8 and 16.
    pub connections: Option<u32>,
    /// Maximum wait for a free connection. Default 2 s.
    pub acquire_timeout: Duration,
    /// Maximum wait for the first connection at start. Default 5 s.
    pub connect_timeout: Duration,
    /// Maximum time of a statement (PostgreSQL), and maximum wait for the lock of another process (SQLite). Default 10 s.
    pub statement_timeout: Duration,
    /// Maximum wait for a lock of another transaction (PostgreSQL). Default 5 s.
    pub lock_timeout: Duration,
    /// Maximum time between two statements of a transaction (PostgreSQL). Default 30 s.
    pub idle_in_transaction_timeout: Duration,
    /// Maximum time of a statement of a migration (PostgreSQL); zero for no limit. Default 1 h.
    pub migration_timeout: Duration,
    /// Maximum wait for another instance that migrates. Default 10 min.
    pub migration_lock_timeout: Duration,
    /// Retention of answers to idempotency keys. Default 7 days.
    pub idempotency_retention: Duration,
    /// Maximum wait of a repetition for the first request with its key, without a connection. Default 2 s.
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

/// Isolation level of transactions on PostgreSQL. Those of SQLite are always serializable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Isolation {
    /// Serializable: as if one transaction ran after the other. A transaction with a conflict is run again.
    #[default]
    Serializable,
    /// Repeatable read: one snapshot; a row that was changed meanwhile cannot be written. Write skew is possible.
    RepeatableRead,
    /// Read committed: each statement sees the data that was committed before it. Updates can be lost between a read and a write.
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
