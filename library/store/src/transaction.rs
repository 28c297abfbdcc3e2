//! Statements that take effect together, on either engine.

use futures_util::TryStreamExt;
use sqlx::query::Query;
use sqlx::{Database, Encode, Postgres, Sqlite, Type};

use crate::{Row, StoreError, Value};

/// The most rows one read returns.
pub const MAX_ROWS: usize = 10_000;

/// A transaction under way. Dropped without a commit it is rolled back.
#[derive(Debug)]
pub struct Transaction {
    pub(crate) engine: Running,
    /// Whether a statement met another transaction, so that running it all again is worth it.
    pub(crate) met_conflict: bool,
}

#[derive(Debug)]
pub(crate) enum Running {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    pub(crate) fn new(engine: Running) -> Self {
        Self { engine, met_conflict: false }
    }

    /// Runs a statement; returns how many rows it changed.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction can then only be rolled back.
    pub async fn execute(&mut self, sql: &'static str, args: Vec<Value>) -> Result<u64, StoreError> {
        let outcome = match &mut self.engine {
            Running::Sqlite(tx) => {
                bound(sqlx::query(sql), args).execute(&mut **tx).await.map(|done| done.rows_affected())
            }
            Running::Postgres(tx) => {
                bound(sqlx::query(sql), args).execute(&mut **tx).await.map(|done| done.rows_affected())
            }
        };
        self.note(outcome.map_err(StoreError::from))
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
            Running::Sqlite(tx) => match bound(sqlx::query(sql), args).fetch_optional(&mut **tx).await {
                Ok(row) => row.as_ref().map(Row::from_sqlite).transpose(),
                Err(error) => Err(error.into()),
            },
            Running::Postgres(tx) => match bound(sqlx::query(sql), args).fetch_optional(&mut **tx).await {
                Ok(row) => row.as_ref().map(Row::from_postgres).transpose(),
                Err(error) => Err(error.into()),
            },
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
                let mut stream = bound(sqlx::query(sql), args).fetch(&mut **tx);
                while let Some(row) = stream.try_next().await? {
                    keep(Row::from_sqlite(&row)?)?;
                }
            }
            Running::Postgres(tx) => {
                let mut stream = bound(sqlx::query(sql), args).fetch(&mut **tx);
                while let Some(row) = stream.try_next().await? {
                    keep(Row::from_postgres(&row)?)?;
                }
            }
        }
        Ok(rows)
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self.engine {
            Running::Sqlite(tx) => tx.commit().await,
            Running::Postgres(tx) => tx.commit().await,
        }
        .map_err(StoreError::from)
    }

    pub(crate) async fn rollback(self) {
        // A connection that cannot roll back is closed by the pool, which rolls back too.
        let _ = match self.engine {
            Running::Sqlite(tx) => tx.rollback().await,
            Running::Postgres(tx) => tx.rollback().await,
        };
    }

    fn note<T>(&mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        self.met_conflict |= outcome.as_ref().is_err_and(StoreError::is_conflict);
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
