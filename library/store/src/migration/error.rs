//! Errors of migrations.

use std::time::Duration;

/// The reason why the schema cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// A step failed. What the steps before it did outside its transaction stays.
    #[error("migration {version} ({name}) failed: {cause}{consequence}")]
    Failed {
        /// Its version.
        version: i64,
        /// Its name.
        name: &'static str,
        /// The reason.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
        /// The state that the failed step left behind, and how the next run handles it; empty when nothing is left.
        consequence: String,
    },
    /// A step was changed after it had been applied.
    #[error(
        "migration {version} ({name}) was changed after it had been applied; take the change back and add a new migration"
    )]
    Changed {
        /// Its version.
        version: i64,
        /// Its name.
        name: &'static str,
    },
    /// The database has another step under this version: it belongs to another program, or a step was renamed.
    #[error(
        "migration {version} is {found:?} in this database, not {name:?}: the database belongs to another program (set \
         DATABASE_URL to one of its own), or the step was renamed after it had been applied (take the name back)"
    )]
    OtherStep {
        /// Its version.
        version: i64,
        /// Its name here.
        name: &'static str,
        /// Its name in the database.
        found: String,
    },
    /// Another service owns the database.
    #[error(
        "this database belongs to the service {owner:?}, not to {service:?}; set DATABASE_URL to a database of its own, or, if \
         the service was renamed, name the old one with Migrations::formerly"
    )]
    OtherService {
        /// The service that owns it.
        owner: String,
        /// The service that asked.
        service: String,
    },
    /// Another session held the lock of migrations, or worked on the same index, for longer than the migration lock timeout.
    #[error("{holder} for {waited:?}; let it finish, or end it (on PostgreSQL with pg_terminate_backend)")]
    Busy {
        /// The time that this instance waited.
        waited: Duration,
        /// The holder of the lock, and the lock.
        holder: String,
    },
    /// A step outside a transaction is written in such a way that an interrupted run cannot be repaired.
    #[error("migration {version} ({name}) cannot run outside a transaction: {reason}")]
    Unmendable {
        /// Its version.
        version: i64,
        /// Its name.
        name: &'static str,
        /// The reason.
        reason: &'static str,
    },
}
