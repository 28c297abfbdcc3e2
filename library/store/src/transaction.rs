//! Statements that take effect together, on either engine.
//!
//! Statements are not cancel-safe: [`Transaction`] describes the effect of a dropped future.

use futures_util::TryStreamExt;
#[cfg(feature = "postgres")]
use sqlx::{PgConnection, Postgres};
#[cfg(feature = "sqlite")]
use sqlx::{Sqlite, SqliteConnection};
use telemetry::in_step;
use tokio::time::Instant;
use vitals::Step;

#[cfg(feature = "postgres")]
use crate::driver::postgres;
#[cfg(feature = "sqlite")]
use crate::driver::sqlite;
use crate::stats::InUse;
use crate::{Engine, FromRow, Row, StoreError, Value, spans};

/// The most calls of [`Transaction::after_commit`] in one transaction.
pub const MAX_AFTER_COMMIT: usize = 100;
/// The most rows one read returns.
pub const MAX_ROWS: usize = 10_000;

/// A transaction under way. Dropped without a commit it is rolled back.
///
/// Once a statement has failed the transaction cannot be committed, on either engine, also when the error was handled: use
/// [`Transaction::try_execute`] for a statement that may fail.
///
/// Statements are not cancel-safe: when the future of one is dropped, it may or may not have run in the transaction. Return an error from the work
/// then, so that the transaction rolls back.
#[derive(Debug)]
pub struct Transaction {
    pub(crate) engine: Running,
    /// Calls to make once the transaction is committed.
    after_commit: AfterCommit,
    /// The first statement that failed.
    failed: Option<String>,
    /// True if a statement met another transaction or a broken connection, so that the transaction is worth running again.
    again: bool,
    /// True if the connection keeps statements that were prepared before the schema changed.
    stale: bool,
    /// True if the connection was handed out, so that failures may have passed unseen.
    unchecked: bool,
    /// True if named prepared statements can be used.
    named_statements: bool,
    in_use: InUse,
}

/// Calls to make after a commit, at most [`MAX_AFTER_COMMIT`].
#[derive(Default)]
struct AfterCommit(Vec<Box<dyn FnOnce() + Send>>);

impl std::fmt::Debug for AfterCommit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} calls", self.0.len())
    }
}

#[derive(Debug)]
pub(crate) enum Running {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Running {
    /// The engine's name.
    fn name(&self) -> &'static str {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Engine::Sqlite.name(),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Engine::Postgres.name(),
        }
    }
}

/// Runs the same code with the engine's own transaction and, as `$driver`, its module.
macro_rules! on_engine {
    ($running:expr, $driver:ident, $tx:ident => $body:expr) => {
        match $running {
            #[cfg(feature = "sqlite")]
            Running::Sqlite($tx) => {
                #[allow(unused_imports, reason = "not every use needs the module")]
                use sqlite as $driver;
                $body
            }
            #[cfg(feature = "postgres")]
            Running::Postgres($tx) => {
                #[allow(unused_imports, reason = "not every use needs the module")]
                use postgres as $driver;
                $body
            }
        }
    };
}

impl Transaction {
    pub(crate) fn new(engine: Running, named_statements: bool, in_use: InUse) -> Self {
        let after_commit = AfterCommit::default();
        Self {
            engine,
            after_commit,
            named_statements,
            failed: None,
            again: false,
            stale: false,
            unchecked: false,
            in_use,
        }
    }

    /// The engine that runs it.
    pub fn engine(&self) -> Engine {
        match &self.engine {
            #[cfg(feature = "sqlite")]
            Running::Sqlite(_) => Engine::Sqlite,
            #[cfg(feature = "postgres")]
            Running::Postgres(_) => Engine::Postgres,
        }
    }

    /// Makes a short call once the transaction is committed, such as waking a task that reads what it wrote.
    ///
    /// It is a hint and not a promise: the call is not made when the process ends, when the outcome of the commit is unknown, and beyond
    /// [`MAX_AFTER_COMMIT`] calls.
    pub fn after_commit(&mut self, call: impl FnOnce() + Send + 'static) {
        if self.after_commit.0.len() < MAX_AFTER_COMMIT {
            self.after_commit.0.push(Box::new(call));
        }
    }

    /// Runs a statement; returns how many rows it changed.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction can then only be rolled back.
    pub async fn execute(&mut self, sql: &'static str, args: Vec<Value>) -> Result<u64, StoreError> {
        let outcome = self.run(sql, args).await;
        self.note(outcome)
    }

    /// Runs a statement that may fail: its error can be handled, and the transaction goes on as if it had not been run.
    ///
    /// The statement runs behind a savepoint, which costs two round trips on PostgreSQL.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction can go on, except after a conflict or when the connection broke.
    pub async fn try_execute(&mut self, sql: &'static str, args: Vec<Value>) -> Result<u64, StoreError> {
        self.execute("SAVEPOINT evenkeel_try", Vec::new()).await?;
        let outcome = self.run(sql, args).await;
        match &outcome {
            // Running the whole transaction again is the only way on.
            Err(error) if error.is_conflict() || matches!(error, StoreError::Disconnected(_)) => {
                return self.note(outcome);
            }
            Err(_) => {
                self.execute("ROLLBACK TO SAVEPOINT evenkeel_try", Vec::new()).await?;
            }
            Ok(_) => {}
        }
        self.execute("RELEASE SAVEPOINT evenkeel_try", Vec::new()).await?;
        outcome
    }

    /// Returns the driver's own connection, for what this interface does not offer: types, cursors, `COPY`. None on SQLite.
    ///
    /// Nothing is checked: statements may be built from input, and must not begin or end the transaction. A statement that fails on it
    /// makes the commit fail. The driver's version is part of this crate's interface: name it as [`crate::sqlx`].
    #[cfg(feature = "postgres")]
    pub fn unchecked_postgres(&mut self) -> Option<&mut PgConnection> {
        self.unchecked = true;
        match &mut self.engine {
            Running::Postgres(tx) => Some(&mut **tx),
            #[cfg(feature = "sqlite")]
            Running::Sqlite(_) => None,
        }
    }

    /// Returns the driver's own connection; none on PostgreSQL. Nothing is checked, as with `unchecked_postgres`.
    ///
    /// A statement that fails on it undoes itself alone, and the rest of the transaction can be committed.
    #[cfg(feature = "sqlite")]
    pub fn unchecked_sqlite(&mut self) -> Option<&mut SqliteConnection> {
        match &mut self.engine {
            Running::Sqlite(tx) => Some(&mut **tx),
            #[cfg(feature = "postgres")]
            Running::Postgres(_) => None,
        }
    }

    /// Counts a statement that began at `begun`.
    fn counted<T>(&self, sql: &'static str, begun: Instant, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        self.in_use.statement(sql, begun.elapsed(), outcome.as_ref().err());
        spans::statement(self.engine.name(), sql, begun, outcome.as_ref().err());
        outcome
    }

    async fn run(&mut self, sql: &'static str, args: Vec<Value>) -> Result<u64, StoreError> {
        let (begun, _step) = (Instant::now(), in_step(Step::Statement));
        let outcome = self.send(sql, args).await;
        self.counted(sql, begun, outcome)
    }

    async fn send(&mut self, sql: &'static str, args: Vec<Value>) -> Result<u64, StoreError> {
        let named = self.named_statements;
        on_engine!(&mut self.engine, driver, tx => {
            driver::prepare(tx, sql).await?;
            let query = driver::bind(sqlx::query(driver::statement(sql, &args)).persistent(named && driver::may_keep(sql)), args)?;
            Ok(query.execute(&mut **tx).await?.rows_affected())
        })
    }

    /// Runs several statements of a script, without values.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let outcome = on_engine!(&mut self.engine, driver, tx => sqlx::raw_sql(sql).execute(&mut **tx).await.map(drop));
        self.note(outcome.map_err(StoreError::from))
    }

    /// All rows of a read, at most [`MAX_ROWS`].
    ///
    /// # Errors
    /// [`StoreError::TooManyRows`] over the bound, else as [`Transaction::execute`].
    pub async fn fetch_all(&mut self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let (begun, _step) = (Instant::now(), in_step(Step::Statement));
        let outcome = self.fetch_bounded(sql, args).await;
        let outcome = self.counted(sql, begun, outcome);
        self.note(outcome)
    }

    /// The only row of a read, or none. Of several it returns the first.
    ///
    /// # Errors
    /// As [`Transaction::execute`].
    pub async fn fetch_optional(&mut self, sql: &'static str, args: Vec<Value>) -> Result<Option<Row>, StoreError> {
        let (begun, _step) = (Instant::now(), in_step(Step::Statement));
        let outcome = self.first(sql, args).await;
        let outcome = self.counted(sql, begun, outcome);
        self.note(outcome)
    }

    async fn first(&mut self, sql: &'static str, args: Vec<Value>) -> Result<Option<Row>, StoreError> {
        let named = self.named_statements;
        on_engine!(&mut self.engine, driver, tx => {
            driver::prepare(tx, sql).await?;
            let query = driver::bind(sqlx::query(driver::statement(sql, &args)).persistent(named && driver::may_keep(sql)), args)?;
            match query.fetch_optional(&mut **tx).await? {
                Some(row) => driver::read(&driver::columns(&row), &row).map(Some),
                None => Ok(None),
            }
        })
    }

    /// The only row of a read.
    ///
    /// # Errors
    /// [`StoreError::Other`] with `RowNotFound` when there is none, else as [`Transaction::execute`].
    pub async fn fetch_one(&mut self, sql: &'static str, args: Vec<Value>) -> Result<Row, StoreError> {
        self.fetch_optional(sql, args).await?.ok_or(StoreError::Other(sqlx::Error::RowNotFound))
    }

    async fn fetch_bounded(&mut self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        self.stream(sql, args, MAX_ROWS, |row| {
            rows.push(row);
            std::future::ready(Ok(()))
        })
        .await?;
        Ok(rows)
    }

    /// Reads rows one by one and passes each to `each`, without holding them all; returns how many there were.
    ///
    /// ```
    /// # use evenkeel_store::{StoreError, Transaction, args};
    /// # async fn example(tx: &mut Transaction) -> Result<(), StoreError> {
    /// let mut longest = 0;
    /// let count = tx
    ///     .fetch_each("SELECT text FROM notes", args![], 1_000_000, |row| {
    ///         let length = row.get::<String>("text").map(|text| longest = longest.max(text.len()));
    ///         std::future::ready(length)
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`StoreError::TooManyRows`] over `limit` rows, `each`'s own, else as [`Transaction::execute`].
    pub async fn fetch_each<F: Future<Output = Result<(), StoreError>>>(
        &mut self,
        sql: &'static str,
        args: Vec<Value>,
        limit: usize,
        each: impl FnMut(Row) -> F,
    ) -> Result<usize, StoreError> {
        let (begun, _step) = (Instant::now(), in_step(Step::Statement));
        let outcome = self.stream(sql, args, limit, each).await;
        let outcome = self.counted(sql, begun, outcome);
        self.note(outcome)
    }

    async fn stream<F: Future<Output = Result<(), StoreError>>>(
        &mut self,
        sql: &'static str,
        args: Vec<Value>,
        limit: usize,
        mut each: impl FnMut(Row) -> F,
    ) -> Result<usize, StoreError> {
        let (named, mut count) = (self.named_statements, 0);
        on_engine!(&mut self.engine, driver, tx => {
            driver::prepare(tx, sql).await?;
            let query = driver::bind(sqlx::query(driver::statement(sql, &args)).persistent(named && driver::may_keep(sql)), args)?;
            let (mut rows, mut columns) = (query.fetch(&mut **tx), None);
            while let Some(row) = rows.try_next().await? {
                count += 1;
                if count > limit {
                    return Err(StoreError::TooManyRows { bound: limit });
                }
                each(driver::read(columns.get_or_insert_with(|| driver::columns(&row)), &row)?).await?;
            }
        });
        Ok(count)
    }

    /// Reads all rows as a type, at most [`MAX_ROWS`].
    ///
    /// # Errors
    /// [`StoreError::Column`] when a row cannot be read as `T`, else as [`Transaction::fetch_all`].
    pub async fn fetch_all_as<T: FromRow>(
        &mut self,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        self.fetch_all(sql, args).await?.iter().map(T::from_row).collect()
    }

    /// Reads the first row as a type, or none.
    ///
    /// # Errors
    /// [`StoreError::Column`] when the row cannot be read as `T`, else as [`Transaction::fetch_optional`].
    pub async fn fetch_optional_as<T: FromRow>(
        &mut self,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Option<T>, StoreError> {
        self.fetch_optional(sql, args).await?.as_ref().map(T::from_row).transpose()
    }

    /// Reads the only row as a type.
    ///
    /// # Errors
    /// [`StoreError::Column`] when the row cannot be read as `T`, else as [`Transaction::fetch_one`].
    pub async fn fetch_one_as<T: FromRow>(&mut self, sql: &'static str, args: Vec<Value>) -> Result<T, StoreError> {
        T::from_row(&self.fetch_one(sql, args).await?)
    }

    /// Commits, unless a statement failed: then it rolls back, whether or not the error was handled.
    ///
    /// PostgreSQL answers `COMMIT` with `ROLLBACK`, and no error, when the transaction has failed.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        if self.unchecked {
            // In a failed transaction every statement fails.
            self.execute("SELECT 1", Vec::new()).await?;
        }
        if let Some(reason) = self.failed.take() {
            self.rollback().await;
            return Err(StoreError::Aborted { reason });
        }
        let calls = std::mem::take(&mut self.after_commit.0);
        on_engine!(self.engine, driver, tx => tx.commit().await).map_err(StoreError::of_commit)?;
        for call in calls {
            call();
        }
        Ok(())
    }

    #[cfg_attr(
        not(feature = "postgres"),
        expect(unused_mut, reason = "SQLite prepares stale statements anew by itself")
    )]
    pub(crate) async fn rollback(mut self) {
        #[cfg(feature = "postgres")]
        if self.stale
            && let Running::Postgres(tx) = &mut self.engine
        {
            let _ = sqlx::Connection::clear_cached_statements(&mut **tx).await;
        }
        // A connection that cannot roll back is closed by the pool, which rolls back too.
        let _ = on_engine!(self.engine, driver, tx => tx.rollback().await);
    }

    /// Undoes what came after a savepoint, failed statements included; a conflict or a broken connection stays one.
    pub(crate) async fn roll_back_to(&mut self, savepoint: &'static str) -> Result<(), StoreError> {
        self.execute(savepoint, Vec::new()).await?;
        if !self.again {
            self.failed = None;
        }
        Ok(())
    }

    /// Returns true if the transaction is worth running again.
    pub(crate) fn again(&self) -> bool {
        self.again
    }

    fn note<T>(&mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &outcome {
            self.stale |= error.is_stale();
            self.again |= error.is_conflict() || matches!(error, StoreError::Disconnected(_));
            if error.is_of_engine() && self.failed.is_none() {
                self.failed = Some(error.to_string());
            }
        }
        outcome
    }
}
