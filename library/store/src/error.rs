//! The errors of the store, each with advice.

use std::time::Duration;

/// Why the store refused.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is malformed.
    #[error("{reason}")]
    Url {
        /// What is wrong, and what is expected.
        reason: String,
    },
    /// The database cannot be reached or opened.
    #[error("cannot open {url}: {reason}; {advice}")]
    Unreachable {
        /// Where, without credentials.
        url: String,
        /// Why.
        reason: String,
        /// What to do.
        advice: &'static str,
    },
    /// Every connection was in use for too long.
    #[error("no connection to the store was free within {waited:?} (the pool has {size}); it is overloaded")]
    AcquireTimeout {
        /// How long the caller waited.
        waited: Duration,
        /// How many connections there are.
        size: u32,
    },
    /// Another transaction was in the way, also after retries.
    #[error("another transaction was in the way: {0}")]
    Busy(#[source] sqlx::Error),
    /// The disk is full, or a quota is.
    #[error("the store has no space left: {0}; free some, nothing was written")]
    Full(#[source] sqlx::Error),
    /// The database takes no writes.
    #[error("the store is read-only: {0}; give the service the right to write to it")]
    ReadOnly(#[source] sqlx::Error),
    /// The connection broke, or the database is starting or stopping. Whether a commit took effect is not known.
    #[error("the connection to the store broke: {0}")]
    Disconnected(#[source] sqlx::Error),
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A constraint of the schema was violated.
    #[error("the constraint {name} was violated")]
    Constraint {
        /// Its name; empty where the engine does not say.
        name: String,
        /// The database's own words.
        #[source]
        cause: sqlx::Error,
    },
    /// A migration cannot be applied.
    #[error("migration {version} ({name}): {reason}")]
    Migration {
        /// Its version.
        version: i64,
        /// Its name.
        name: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// More rows than the bound of a single read.
    #[error("a read returned more than {bound} rows: page it")]
    TooManyRows {
        /// The bound.
        bound: usize,
    },
    /// A column is missing or of another type than asked for.
    #[error("column {column}: {reason}")]
    Column {
        /// The column.
        column: String,
        /// What is wrong.
        reason: String,
    },
    /// Anything else that the database refuses.
    #[error("the store refused: {0}")]
    Other(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether the same work may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::AcquireTimeout { .. }
                | Self::Busy(_)
                | Self::Full(_)
                | Self::Disconnected(_)
                | Self::Unreachable { .. }
        )
    }

    /// Whether running the transaction again at once is worth it.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Busy(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return match error {
                sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Self::Disconnected(error),
                _ => Self::Other(error),
            };
        };
        let code = database.code().unwrap_or_default().into_owned();
        let name = database.constraint().unwrap_or_default().to_owned();
        match code.as_str() {
            // PostgreSQL's SQLSTATEs: Appendix A of its manual.
            "40001" | "40P01" | "55P03" => Self::Busy(error),
            "53100" => Self::Full(error),
            "25006" => Self::ReadOnly(error),
            "57P01" | "57P02" | "57P03" | "53300" | "08000" | "08003" | "08006" => Self::Disconnected(error),
            "23505" | "23503" | "23502" | "23514" => Self::Constraint { name, cause: error },
            // SQLite's result codes: the primary one is the lowest byte.
            code => match code.parse::<i32>().map(|code| code & 0xff) {
                Ok(5 | 6) => Self::Busy(error),
                Ok(13) => Self::Full(error),
                Ok(8) => Self::ReadOnly(error),
                Ok(19) => Self::Constraint { name, cause: error },
                // An input/output error: on a full disk SQLite sometimes says this instead.
                Ok(10) => Self::Full(error),
                _ => Self::Other(error),
            },
        }
    }
}
