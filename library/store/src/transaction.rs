//! Statements that take effect together, on either engine.

use futures_util::TryStreamExt;
use sqlx::query::Query;
use sqlx::{Database, Encode, PgConnection, Postgres, Sqlite, SqliteConnection, Type};

use crate::stats::InUse;
use crate::{Row, StoreError, Value};

/// The most rows one read returns.
pub const MAX_ROWS: usize = 10_000;

/// A transaction under way. Dropped without a commit it is rolled back.
///
/// Once a statement has failed the transaction cannot be committed, on either engine, also when the error was handled: use
/// [`Transaction::try_execute`] for a statement that may fail.
#[derive(Debug)]
pub struct Transaction {
    pub(crate) engine: Running,
    /// The first statement that failed.
    failed: Option<String>,
    /// Whether a statement met another transaction or a broken connection, so that running it all again is worth it.
    again: bool,
    /// Whether the connection was handed out, so that failures may have passed unseen.
    unchecked: bool,
    /// Whether statements may be prepared under a name.
    named_statements: bool,
    _in_use: InUse,
}

#[derive(Debug)]
pub(crate) enum Running {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    pub(crate) fn new(engine: Running, named_statements: bool, in_use: InUse) -> Self {
        Self { engine, named_statements, failed: None, again: false, unchecked: false, _in_use: in_use }
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

    /// The driver's own connection, for what this interface does not offer: types, streams, `COPY`. Nothing is checked: statements may be
    /// built from input, and must not begin or end the transaction. None on SQLite.
    ///
    /// A statement that fails on it makes the commit fail.
    pub fn unchecked_postgres(&mut self) -> Option<&mut PgConnection> {
        self.unchecked = true;
        match &mut self.engine {
            Running::Postgres(tx) => Some(&mut **tx),
            Running::Sqlite(_) => None,
        }
    }

    /// The same on SQLite; none on PostgreSQL.
    pub fn unchecked_sqlite(&mut self) -> Option<&mut SqliteConnection> {
        match &mut self.engine {
            Running::Sqlite(tx) => Some(&mut **tx),
            Running::Postgres(_) => None,
        }
    }

    async fn run(&mut self, sql: &'static str, args: Vec<Value>) -> Result<u64, StoreError> {
        let outcome = match &mut self.engine {
            Running::Sqlite(tx) => bound(sqlx::query(sql).persistent(self.named_statements), args)
                .execute(&mut **tx)
                .await
                .map(|done| done.rows_affected()),
            Running::Postgres(tx) => bound(sqlx::query(sql).persistent(self.named_statements), args)
                .execute(&mut **tx)
                .await
                .map(|done| done.rows_affected()),
        };
        outcome.map_err(StoreError::from)
    }

    /// Runs several statements of a script, without values.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let outcome = match &mut self.engine {
            Running::Sqlite(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(drop),
            Running::Postgres(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(drop),
        };
        self.note(outcome.map_err(StoreError::from))
    }

    /// All rows of a read, at most [`MAX_ROWS`].
    ///
    /// # Errors
    /// [`StoreError::TooManyRows`] over the bound, else as [`Transaction::execute`].
    pub async fn fetch_all(&mut self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let outcome = self.fetch_bounded(sql, args).await;
        self.note(outcome)
    }

    /// The only row of a read, or none. Of several it returns the first.
    ///
    /// # Errors
    /// As [`Transaction::execute`].
    pub async fn fetch_optional(&mut self, sql: &'static str, args: Vec<Value>) -> Result<Option<Row>, StoreError> {
        let outcome = match &mut self.engine {
            Running::Sqlite(tx) => {
                match bound(sqlx::query(sql).persistent(self.named_statements), args).fetch_optional(&mut **tx).await {
                    Ok(row) => row.as_ref().map(Row::from_sqlite).transpose(),
                    Err(error) => Err(error.into()),
                }
            }
            Running::Postgres(tx) => {
                match bound(sqlx::query(sql).persistent(self.named_statements), args).fetch_optional(&mut **tx).await {
                    Ok(row) => row.as_ref().map(Row::from_postgres).transpose(),
                    Err(error) => Err(error.into()),
                }
            }
        };
        self.note(outcome)
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
        let mut keep = |row: Row| {
            rows.push(row);
            if rows.len() > MAX_ROWS { Err(StoreError::TooManyRows { bound: MAX_ROWS }) } else { Ok(()) }
        };
        match &mut self.engine {
            Running::Sqlite(tx) => {
                let mut stream = bound(sqlx::query(sql).persistent(self.named_statements), args).fetch(&mut **tx);
                while let Some(row) = stream.try_next().await? {
                    keep(Row::from_sqlite(&row)?)?;
                }
            }
            Running::Postgres(tx) => {
                let mut stream = bound(sqlx::query(sql).persistent(self.named_statements), args).fetch(&mut **tx);
                while let Some(row) = stream.try_next().await? {
                    keep(Row::from_postgres(&row)?)?;
                }
            }
        }
        Ok(rows)
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
        match self.engine {
            Running::Sqlite(tx) => tx.commit().await,
            Running::Postgres(tx) => tx.commit().await,
        }
        .map_err(StoreError::of_commit)
    }

    pub(crate) async fn rollback(self) {
        // A connection that cannot roll back is closed by the pool, which rolls back too.
        let _ = match self.engine {
            Running::Sqlite(tx) => tx.rollback().await,
            Running::Postgres(tx) => tx.rollback().await,
        };
    }

    /// Undoes what came after a savepoint, failed statements included; a conflict or a broken connection stays one.
    pub(crate) async fn roll_back_to(&mut self, savepoint: &'static str) -> Result<(), StoreError> {
        self.execute(savepoint, Vec::new()).await?;
        if !self.again {
            self.failed = None;
        }
        Ok(())
    }

    /// Whether running it all again is worth it.
    pub(crate) fn again(&self) -> bool {
        self.again
    }

    fn note<T>(&mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &outcome {
            self.again |= error.is_conflict() || matches!(error, StoreError::Disconnected(_));
            if error.is_of_engine() && self.failed.is_none() {
                self.failed = Some(error.to_string());
            }
        }
        outcome
    }
}

/// Binds every value with its type.
fn bound<DB: Database>(
    mut query: Query<'static, DB, DB::Arguments>,
    args: Vec<Value>,
) -> Query<'static, DB, DB::Arguments>
where
    Option<i64>: Type<DB> + for<'q> Encode<'q, DB>,
    Option<bool>: Type<DB> + for<'q> Encode<'q, DB>,
    Option<String>: Type<DB> + for<'q> Encode<'q, DB>,
    Option<Vec<u8>>: Type<DB> + for<'q> Encode<'q, DB>,
    Option<f64>: Type<DB> + for<'q> Encode<'q, DB>,
{
    for value in args {
        query = match value {
            Value::Int(value) => query.bind(value),
            Value::Bool(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
            Value::Float(value) => query.bind(value),
        };
    }
    query
}
