//! The steps of a schema.

use sha2::{Digest, Sha256};

use super::error::MigrationError;
use crate::{Engine, StoreError};

/// One step of the schema.
///
/// ```
/// # use evenkeel_store::Migration;
/// let steps = vec![
///     Migration::both(1, "notes", "CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL)"),
///     Migration::both(2, "notes by text", "CREATE INDEX notes_text ON notes (text)")
///         .on_postgres("CREATE INDEX CONCURRENTLY notes_text ON notes (text)")
///         .outside_transaction(),
/// ];
/// ```
#[derive(Clone, Debug)]
pub struct Migration {
    pub(crate) version: i64,
    pub(crate) name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
    outside: bool,
}

/// The steps of a schema, in order, and the service that owns it.
#[derive(Clone, Debug, Default)]
pub struct Migrations {
    pub(crate) steps: Vec<Migration>,
    pub(crate) service: Option<String>,
    pub(crate) formerly: Vec<String>,
    /// The steps of libraries, each under an owner of its own.
    pub(crate) libraries: Vec<(&'static str, Self)>,
}

/// Owners of rows in the table of migrations that are no library.
const RESERVED: [&str; 4] = ["begun", "database", "service", "store"];

impl Migration {
    /// A step whose script both engines take. Steps are applied in the order of their versions; the name says what it does, in a word
    /// or two.
    pub fn both(version: i64, name: &'static str, script: &'static str) -> Self {
        Self { version, name, sqlite: script, postgres: script, outside: false }
    }

    /// Replaces the script for SQLite. An empty one does nothing there.
    #[must_use]
    pub fn on_sqlite(self, script: &'static str) -> Self {
        Self { sqlite: script, ..self }
    }

    /// Replaces the script for PostgreSQL. An empty one does nothing there.
    #[must_use]
    pub fn on_postgres(self, script: &'static str) -> Self {
        Self { postgres: script, ..self }
    }

    /// Runs the step outside a transaction, as `CREATE INDEX CONCURRENTLY`, `VACUUM` and some `PRAGMA`s demand.
    ///
    /// The script is one statement. The steps before it are committed first. When the process ends in the middle, the next run runs it
    /// again: an index that was left half-built (INVALID) is dropped and built again, one that was finished is recorded; any
    /// other statement must do no harm when it runs twice. On SQLite, processes that start at the same moment may both run it.
    #[must_use]
    pub fn outside_transaction(self) -> Self {
        Self { outside: true, ..self }
    }

    /// Its version.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn script(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }

    pub(crate) fn checksum(&self, engine: Engine) -> String {
        Sha256::digest(self.script(engine)).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn is_empty(&self, engine: Engine) -> bool {
        self.script(engine).trim().is_empty()
    }

    pub(crate) fn is_outside(&self, engine: Engine) -> bool {
        self.outside && !self.is_empty(engine)
    }

    /// The error of this step, with what it left behind.
    pub(crate) fn failed(&self, cause: StoreError, consequence: String) -> StoreError {
        let (version, name) = (self.version, self.name);
        MigrationError::Failed { version, name, cause: cause.into(), consequence }.into()
    }
}

impl Migrations {
    /// The steps, which are put in order.
    ///
    /// # Panics
    /// When two have the same version, or one is below 1.
    pub fn new(mut steps: Vec<Migration>) -> Self {
        steps.sort_by_key(|step| step.version);
        for pair in steps.windows(2) {
            assert!(pair[0].version < pair[1].version, "two migrations have version {}", pair[0].version);
        }
        assert!(steps.first().is_none_or(|step| step.version > 0), "versions of migrations begin at 1");
        Self { steps, ..Self::default() }
    }

    /// Records the service in the database, and refuses a database that another service owns.
    #[must_use]
    pub fn owned_by(self, service: impl Into<String>) -> Self {
        Self { service: Some(service.into()), ..self }
    }

    /// Adds the steps of a library's own tables. They are applied before those of the service, and have versions of their own.
    ///
    /// A library that is added twice is applied once.
    ///
    /// # Panics
    /// When the owner is one of the store's own, or a step runs outside a transaction.
    #[must_use]
    pub fn library(mut self, owner: &'static str, steps: Vec<Migration>) -> Self {
        assert!(!RESERVED.contains(&owner), "the owner {owner:?} of migrations is the store's own");
        assert!(steps.iter().all(|step| !step.outside), "the steps of the library {owner:?} run in a transaction");
        self.libraries.retain(|(known, _)| *known != owner);
        self.libraries.push((owner, Self::new(steps)));
        self
    }

    /// Takes a database over from the service's former name.
    #[must_use]
    pub fn formerly(mut self, service: impl Into<String>) -> Self {
        self.formerly.push(service.into());
        self
    }
}

impl From<Vec<Migration>> for Migrations {
    fn from(steps: Vec<Migration>) -> Self {
        Self::new(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "is the store's own")]
    fn a_library_cannot_take_an_owner_of_the_store() {
        let _ = Migrations::default().library("service", Vec::new());
    }

    #[test]
    fn a_library_that_is_added_twice_is_there_once() {
        let steps = || vec![Migration::both(1, "jobs", "")];
        let migrations = Migrations::default().library("jobs", steps()).library("jobs", steps());
        assert_eq!(migrations.libraries.len(), 1);
    }

    #[test]
    #[should_panic(expected = "two migrations have version 1")]
    fn two_steps_of_one_version_are_refused() {
        let _ = Migrations::new(vec![Migration::both(1, "a", "A"), Migration::both(1, "b", "B")]);
    }

    #[test]
    #[should_panic(expected = "begin at 1")]
    fn a_version_below_1_is_refused() {
        let _ = Migrations::new(vec![Migration::both(0, "a", "A")]);
    }

    #[test]
    fn steps_are_put_in_order_with_their_names() {
        let steps = Migrations::from(vec![Migration::both(2, "b", "B"), Migration::both(1, "a", "A")]).steps;
        assert_eq!(steps.iter().map(|step| (step.version(), step.name())).collect::<Vec<_>>(), [(1, "a"), (2, "b")]);
    }

    #[test]
    fn each_engine_gets_the_script_that_was_written_for_it() {
        let step = Migration::both(1, "a", "A").on_sqlite("S").on_postgres("P");
        assert_eq!([Engine::Sqlite, Engine::Postgres].map(|engine| step.script(engine)), ["S", "P"]);
    }

    #[test]
    fn a_step_has_a_script_for_each_engine_and_an_empty_one_runs_nowhere() {
        let step = Migration::both(1, "a", "A").on_sqlite(" \n").outside_transaction();
        assert!(step.is_outside(Engine::Postgres) && !step.is_outside(Engine::Sqlite));
        assert!(step.is_empty(Engine::Sqlite) && !step.is_empty(Engine::Postgres));
        assert_ne!(step.checksum(Engine::Sqlite), step.checksum(Engine::Postgres));
        assert_eq!(Migration::both(1, "a", "").checksum(Engine::Sqlite)[..8], *"e3b0c442");
    }
}
