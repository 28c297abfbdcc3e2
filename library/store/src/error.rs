//! Errors of the store, each with the remedy.

mod constraint;
mod meaning;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "postgres")]
mod sqlstate;

use std::time::Duration;

#[cfg(feature = "postgres")]
use sqlx::postgres::{PgDatabaseError, PgSeverity};
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqliteError;

pub use constraint::{ConstraintKind, Violation};
use meaning::Meaning;

use crate::migration::MigrationError;
use crate::row::ColumnError;

/// Reason why the store refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The address is malformed.
    #[error("{reason}")]
    Url {
        /// The mistake, and the expected form.
        reason: String,
    },
    /// The database cannot be reached or opened.
    #[error("cannot open {url}: {reason}; {advice}")]
    Unreachable {
        /// The address, without credentials.
        url: String,
        /// The reason.
        reason: String,
        /// The remedy.
        advice: &'static str,
    },
    /// Every connection was in use for too long.
    #[error("no connection to the store was free within {waited:?} (the pool has {size}); it is overloaded")]
    AcquireTimeout {
        /// The time that the caller waited.
        waited: Duration,
        /// The number of connections in the pool.
        size: u32,
    },
    /// The database accepts no connections or no work: it starts or stops, or has no memory or connections left. Nothing was done.
    #[error("the database is unavailable: {0}; nothing was done")]
    Unavailable(#[source] sqlx::Error),
    /// The transaction conflicted with another one (serialization failure, deadlock), also after retries. Nothing was done.
    #[error("the transaction conflicted with another one, also after retries: {0}")]
    Conflict(#[source] sqlx::Error),
    /// Another transaction or process held a lock for longer than the lock timeout. Nothing was done.
    #[error("a lock was not free within the lock timeout: {0}")]
    Locked(#[source] sqlx::Error),
    /// A statement ran for longer than the statement timeout, or was cancelled. Nothing was done.
    #[error("a statement was cancelled: {0}; raise the statement timeout if it needs longer")]
    StatementTimeout(#[source] sqlx::Error),
    /// The disk is full, or a quota is.
    #[error("the store has no space left: {0}; free some, nothing was written")]
    Full(#[source] sqlx::Error),
    /// The database accepts no writes.
    #[error("the store is read-only: {0}; give the service the right to write to it")]
    ReadOnly(#[source] sqlx::Error),
    /// The service's role lacks a right, or cannot log in. This is a mistake in the configuration of the database.
    #[error("the database refuses this role: {0}; {advice}", advice = grant(.0))]
    Denied(#[source] sqlx::Error),
    /// The connection broke before a commit was asked for. Nothing was done.
    #[error("the connection to the store broke: {0}; nothing was done")]
    Disconnected(#[source] sqlx::Error),
    /// The connection broke during a commit; it is not known whether the commit took effect.
    ///
    /// [`crate::Store::once`] resolves this by itself. After [`crate::Store::write`], read the rows that it would have written.
    #[error("the connection to the store broke during a commit: {0}; whether it took effect is not known")]
    Unknown(#[source] sqlx::Error),
    /// A statement of the transaction failed and the error was handled: the transaction cannot be committed.
    #[error(
        "the transaction cannot be committed because a statement of it failed: {reason}; run a statement whose error is \
         handled with `try_execute`"
    )]
    Aborted {
        /// The first failure.
        reason: String,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The first request with this idempotency key is still running, also after the wait. Nothing was done.
    #[error("the first request with this idempotency key is still running: repeat it later")]
    KeyInUse,
    /// A constraint of the schema was violated.
    #[error("{violation} was violated")]
    Constraint {
        /// The violated constraint.
        violation: Box<Violation>,
        /// The error of the database.
        #[source]
        cause: sqlx::Error,
    },
    /// The database cannot store or compute with a value, such as text with a zero byte, or a number that is too large.
    #[error("the database refuses a value: {0}")]
    InvalidValue(#[source] sqlx::Error),
    /// The schema cannot be brought up to date.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// More rows than the bound of a single read.
    #[error("a read returned more than {bound} rows: page it")]
    TooManyRows {
        /// The bound.
        bound: usize,
    },
    /// A column is missing or of another type than asked for.
    #[error("column {column}: {cause}")]
    Column {
        /// The column.
        column: String,
        /// The reason.
        #[source]
        cause: ColumnError,
    },
    /// A pooler in transaction mode stands before PostgreSQL, and the URL does not declare it. This is a mistake in the configuration.
    #[error(
        "a pooler has mixed up prepared statements: {0}; add statement-cache-capacity=0 to DATABASE_URL, so that none \
         has a name; with it, read a column of a type of your own, such as an enum, as CAST(x AS TEXT)"
    )]
    Pooler(#[source] sqlx::Error),
    /// Any other refusal of the database.
    #[error("the store refused: {0}")]
    Other(#[source] sqlx::Error),
}

impl StoreError {
    /// Returns true if the same work may succeed later without any change.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::AcquireTimeout { .. }
                | Self::Unavailable(_)
                | Self::Conflict(_)
                | Self::Locked(_)
                | Self::StatementTimeout(_)
                | Self::Full(_)
                | Self::Disconnected(_)
                | Self::Unknown(_)
                | Self::KeyInUse
                | Self::Unreachable { .. }
        )
    }

    /// Returns true if it is worth running the transaction again at once.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }

    /// Returns true if the connection keeps a statement that was prepared before the schema changed.
    pub(crate) fn is_stale(&self) -> bool {
        match self {
            Self::Conflict(error) => {
                error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "0A000")
            }
            _ => false,
        }
    }

    /// Returns true if the engine refused a statement, so that the transaction cannot go on.
    pub(crate) fn is_of_engine(&self) -> bool {
        !matches!(self, Self::TooManyRows { .. } | Self::Column { .. } | Self::KeyReused | Self::KeyInUse)
    }

    pub(crate) fn unreachable(url: &impl std::fmt::Display, reason: String, advice: &'static str) -> Self {
        Self::Unreachable { url: url.to_string(), reason, advice }
    }

    /// A column that the driver cannot read.
    pub(crate) fn unreadable(column: &str, error: sqlx::Error) -> Self {
        let cause = match error {
            sqlx::Error::Decode(cause) | sqlx::Error::ColumnDecode { source: cause, .. } => cause,
            other => other.into(),
        };
        Self::Column { column: column.to_owned(), cause: ColumnError::Invalid(cause) }
    }

    /// The error of a commit: a connection that broke leaves it unknown whether the commit took effect.
    pub(crate) fn of_commit(error: sqlx::Error) -> Self {
        match Self::from(error) {
            Self::Disconnected(error) => Self::Unknown(error),
            other => other,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match meaning_of(&error) {
            Meaning::Conflict => Self::Conflict(error),
            Meaning::Locked => Self::Locked(error),
            Meaning::Timeout => Self::StatementTimeout(error),
            Meaning::Full => Self::Full(error),
            Meaning::ReadOnly => Self::ReadOnly(error),
            Meaning::Denied => Self::Denied(error),
            Meaning::Disconnected => Self::Disconnected(error),
            Meaning::Unavailable => Self::Unavailable(error),
            Meaning::Constraint(kind) => {
                Self::Constraint { violation: Box::new(Violation::of(kind, &error)), cause: error }
            }
            Meaning::InvalidValue => Self::InvalidValue(error),
            Meaning::Aborted => Self::Aborted { reason: error.to_string() },
            #[cfg(feature = "postgres")]
            Meaning::Pooler => Self::Pooler(error),
            Meaning::Other => Self::Other(error),
        }
    }
}

/// Asks the table of the engine that gave the error, never another one's.
fn meaning_of(error: &sqlx::Error) -> Meaning {
    let Some(database) = error.as_database_error() else {
        return match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Meaning::Disconnected,
            sqlx::Error::BeginFailed => Meaning::Unavailable,
            sqlx::Error::Encode(_) => Meaning::InvalidValue,
            _ => Meaning::Other,
        };
    };
    #[cfg(feature = "postgres")]
    if let Some(postgres) = database.try_downcast_ref::<PgDatabaseError>() {
        let fatal = matches!(postgres.severity(), PgSeverity::Fatal | PgSeverity::Panic);
        return if sqlstate::is_stale(postgres.code(), postgres.routine()) {
            Meaning::Conflict
        } else if sqlstate::is_end_of_session(postgres.code(), fatal) {
            Meaning::Disconnected
        } else {
            sqlstate::meaning(postgres.code())
        };
    }
    #[cfg(feature = "sqlite")]
    if let Some(sqlite) = database.try_downcast_ref::<SqliteError>() {
        let code = sqlx::error::DatabaseError::code(sqlite).and_then(|code| code.parse().ok());
        return code.map_or(Meaning::Other, sqlite::meaning);
    }
    Meaning::Other
}

/// Names the right that is missing, as far as PostgreSQL's message says it: `permission denied for table notes`.
fn grant(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| grant_for(""), |error| grant_for(error.message()))
}

fn grant_for(message: &str) -> String {
    let object = message.strip_prefix("permission denied for ").and_then(|rest| rest.split_once(' '));
    match object {
        Some(("table" | "view", name)) => {
            format!("as the owner run: GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO <the service's role>")
        }
        Some(("sequence", name)) => format!("as the owner run: GRANT USAGE ON SEQUENCE {name} TO <the service's role>"),
        Some(("schema", name)) => format!("as the owner run: GRANT USAGE ON SCHEMA {name} TO <the service's role>"),
        Some(("function", name)) => {
            format!("as the owner run: GRANT EXECUTE ON FUNCTION {name} TO <the service's role>")
        }
        Some(("database", name)) => {
            format!("as the owner run: GRANT CONNECT ON DATABASE {name} TO <the service's role>")
        }
        _ => "check the role, its password and its rights".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause() -> sqlx::Error {
        sqlx::Error::RowNotFound
    }

    /// Every error, with whether it is transient, a conflict, and one of the engine.
    fn table() -> Vec<(StoreError, bool, bool, bool)> {
        let violation = Violation::of(ConstraintKind::Unique, &cause());
        vec![
            (StoreError::Url { reason: String::new() }, false, false, true),
            (StoreError::unreachable(&"x", String::new(), ""), true, false, true),
            (StoreError::AcquireTimeout { waited: Duration::ZERO, size: 1 }, true, false, true),
            (StoreError::Unavailable(cause()), true, false, true),
            (StoreError::Conflict(cause()), true, true, true),
            (StoreError::Locked(cause()), true, false, true),
            (StoreError::StatementTimeout(cause()), true, false, true),
            (StoreError::Full(cause()), true, false, true),
            (StoreError::ReadOnly(cause()), false, false, true),
            (StoreError::Denied(cause()), false, false, true),
            (StoreError::Disconnected(cause()), true, false, true),
            (StoreError::Unknown(cause()), true, false, true),
            (StoreError::Aborted { reason: String::new() }, false, false, true),
            (StoreError::KeyReused, false, false, false),
            (StoreError::KeyInUse, true, false, false),
            (StoreError::Constraint { violation: Box::new(violation), cause: cause() }, false, false, true),
            (StoreError::InvalidValue(cause()), false, false, true),
            (MigrationError::Changed { version: 1, name: "x" }.into(), false, false, true),
            (StoreError::TooManyRows { bound: 1 }, false, false, false),
            (StoreError::Column { column: String::new(), cause: ColumnError::Missing }, false, false, false),
            (StoreError::Pooler(cause()), false, false, true),
            (StoreError::Other(cause()), false, false, true),
        ]
    }

    #[test]
    fn each_error_is_worth_a_repetition_or_not() {
        for (error, transient, conflict, of_engine) in table() {
            let found = (error.is_transient(), error.is_conflict(), error.is_of_engine());
            assert_eq!(found, (transient, conflict, of_engine), "{error:?}");
            assert!(!error.is_stale(), "{error:?}");
        }
    }

    #[test]
    fn a_connection_that_breaks_leaves_nothing_unknown_but_a_commit() {
        let broken = || {
            let io = || sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
            [io(), sqlx::Error::Protocol(String::new()), sqlx::Error::PoolClosed, sqlx::Error::WorkerCrashed]
        };
        for error in broken() {
            assert!(matches!(StoreError::from(error), StoreError::Disconnected(_)));
        }
        for error in broken() {
            assert!(matches!(StoreError::of_commit(error), StoreError::Unknown(_)));
        }
        assert!(matches!(StoreError::of_commit(cause()), StoreError::Other(_)), "an answer is an answer");
        assert!(matches!(StoreError::from(sqlx::Error::BeginFailed), StoreError::Unavailable(_)));
        assert!(matches!(StoreError::from(sqlx::Error::Encode("x".into())), StoreError::InvalidValue(_)));
        assert!(matches!(StoreError::from(cause()), StoreError::Other(_)));
    }

    #[test]
    fn a_missing_right_is_named_with_its_grant() {
        for (message, grant) in [
            ("permission denied for table notes", "GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO"),
            ("permission denied for view v", "GRANT SELECT, INSERT, UPDATE, DELETE ON v TO"),
            ("permission denied for sequence s", "GRANT USAGE ON SEQUENCE s TO"),
            ("permission denied for schema app", "GRANT USAGE ON SCHEMA app TO"),
            ("permission denied for function f", "GRANT EXECUTE ON FUNCTION f TO"),
            ("permission denied for database d", "GRANT CONNECT ON DATABASE d TO"),
            ("password authentication failed", "check the role"),
            ("permission denied for language c", "check the role"),
        ] {
            assert!(grant_for(message).contains(grant), "{message}: {}", grant_for(message));
        }
    }

    #[test]
    fn a_column_that_the_driver_cannot_read_is_named_with_the_reason() {
        let error = StoreError::unreadable("id", sqlx::Error::Decode("no such type".into()));
        assert_eq!(error.to_string(), "column id: no such type");
    }
}
