//! SQLite: opening, values, rows.

use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{
    AssertSqlSafe, Column, Row as _, SqlSafeStr, SqlStr, Sqlite, SqliteConnection, SqlitePool, TypeInfo, ValueRef,
};

use crate::row::Columns;
use crate::url::SqliteFile;
use crate::value::timestamp;
use crate::{Options, Row, StoreError, StoreUrl, Value};

/// The connections of one database: one writes, so that writers queue here and not on a busy database; the others only read.
#[derive(Clone, Debug)]
pub(crate) struct SqlitePools {
    pub(crate) writer: SqlitePool,
    pub(crate) readers: SqlitePool,
    in_memory: bool,
}

impl SqlitePools {
    /// True when one connection writes and reads.
    pub(crate) const fn is_one(&self) -> bool {
        self.in_memory
    }
}

pub(crate) async fn open_memory(options: &Options) -> Result<SqlitePools, StoreError> {
    // A database in memory is its connection: one for everything, kept for ever.
    let pool = SqlitePoolOptions::new().max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
    let connect = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
    let pool = pool.acquire_timeout(options.acquire_timeout).connect_with(connect).await?;
    Ok(SqlitePools { writer: pool.clone(), readers: pool, in_memory: true })
}

pub(crate) async fn open_file(url: &StoreUrl, file: &SqliteFile, options: &Options) -> Result<SqlitePools, StoreError> {
    /// SQLITE_NOTADB.
    const NO_DATABASE: &str = "26";
    const OTHER_FILE: &str = "move the file away if it is not needed, or set DATABASE_URL to another place";
    const ADVICE: &str = "give the service a folder that it may write to, or set DATABASE_URL to another place";
    let path = file.path.as_path();
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| {
            StoreError::unreachable(url, format!("the folder {} cannot be made: {error}", folder.display()), ADVICE)
        })?;
    }
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(file.create)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // Every commit reaches the disk before it is acknowledged.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(options.statement_timeout);
    let pool = |connections: u32| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_release(|connection, _| Box::pin(is_at_rest(connection)))
    };
    let refused = |error: sqlx::Error| {
        let code = error.as_database_error().and_then(|error| error.code());
        let advice = if code.as_deref() == Some(NO_DATABASE) { OTHER_FILE } else { ADVICE };
        StoreError::unreachable(url, error.to_string(), advice)
    };
    let writer = pool(1).connect_with(connect.clone()).await.map_err(refused)?;
    // Opening is lazy about the right to write: ask for it now.
    sqlx::raw_sql("BEGIN IMMEDIATE; ROLLBACK").execute(&writer).await.map_err(refused)?;
    let readers = pool(options.connections.unwrap_or(8)).connect_with(connect.create_if_missing(false).read_only(true));
    Ok(SqlitePools { writer, readers: readers.await.map_err(refused)?, in_memory: false })
}

/// Runs one statement outside a transaction. The connection is closed after it, so that a `PRAGMA` ends with it; a database in memory
/// is its connection, which stays.
pub(crate) async fn run_outside(pools: &SqlitePools, sql: SqlStr) -> Result<(), sqlx::Error> {
    let mut connection = pools.writer.acquire().await?;
    let outcome = sqlx::query(sql).persistent(false).execute(&mut *connection).await.map(drop);
    if !pools.in_memory {
        connection.close().await?;
    }
    outcome
}

/// Returns true if a returned connection is in no transaction; else it is closed, and the next caller gets a new one.
///
/// When a commit fails for want of space SQLite rolls back by itself. The driver does not see that, and would refuse every
/// transaction that follows on the connection.
async fn is_at_rest(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    use sqlx::Connection as _;
    // What a dropped transaction has queued is run first.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Writes a statement as SQLite takes it: `= ANY($1)` and `<> ALL($1)` of a list become `IN` and `NOT IN` of its JSON.
pub(crate) fn statement(sql: &'static str, args: &[Value]) -> SqlStr {
    if !args.iter().any(Value::is_list) {
        return sql.into_sql_str();
    }
    let mut text = sql.to_owned();
    for (index, _) in args.iter().enumerate().filter(|(_, value)| value.is_list()) {
        let number = index + 1;
        let list = format!("IN (SELECT value FROM json_each(${number}))");
        text = text.replace(&format!("= ANY(${number})"), &list);
        text = text.replace(&format!("<> ALL(${number})"), &format!("NOT {list}"));
    }
    // Only fixed words and the statement's own text are in it.
    AssertSqlSafe(text).into_sql_str()
}

/// Returns true if the connection may keep the statement prepared: not if it returns all columns of a table.
pub(crate) fn may_keep(sql: &str) -> bool {
    sql.matches('*').count() == sql.matches("(*)").count()
}

/// Makes the connection see the schema as it is before a statement that returns all columns of a table.
///
/// SQLite finds out that the schema has changed only when it runs a statement, and prepares it anew; the driver goes on with the number
/// of columns that it saw first, and its thread panics when there are more.
pub(crate) async fn prepare(connection: &mut SqliteConnection, sql: &str) -> Result<(), sqlx::Error> {
    if may_keep(sql) {
        return Ok(());
    }
    sqlx::query("SELECT 1 FROM sqlite_master LIMIT 1").fetch_optional(connection).await.map(drop)
}

/// Binds every value with its type.
///
/// # Errors
/// A value that no column can hold.
pub(crate) fn bind(
    mut query: Query<'static, Sqlite, SqliteArguments>,
    args: Vec<Value>,
) -> Result<Query<'static, Sqlite, SqliteArguments>, sqlx::Error> {
    let refused = |reason: String| sqlx::Error::Encode(reason.into());
    let json = |list: Result<String, serde_json::Error>| list.map_err(|error| refused(error.to_string()));
    for value in args {
        query = match value {
            Value::Int(value) => query.bind(value),
            Value::Bool(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
            Value::Float(value) => query.bind(value),
            Value::Uuid(value) => query.bind(value.map(|uuid| uuid.to_string())),
            Value::Numeric(value) => query.bind(value.map(|number| number.to_string())),
            Value::Json(value) => query.bind(value.map(|document| document.to_string())),
            Value::Timestamp(None) => query.bind(None::<String>),
            Value::Timestamp(Some(time)) => query.bind(
                timestamp::to_text(time)
                    .ok_or_else(|| refused("the year of a timestamp does not have four digits".to_owned()))?,
            ),
            Value::Ints(list) => query.bind(json(serde_json::to_string(&list))?),
            Value::Texts(list) => query.bind(json(serde_json::to_string(&list))?),
            Value::TooLarge(number) => return Err(refused(format!("{number} is beyond the range of BIGINT"))),
        };
    }
    Ok(query)
}

/// The names of a row's columns.
pub(crate) fn columns(row: &SqliteRow) -> Columns {
    row.columns().iter().map(|column| column.name().to_owned()).collect()
}

/// Reads a row.
///
/// # Errors
/// [`StoreError::Column`] for a value that is no value of ours.
pub(crate) fn read(columns: &Columns, row: &SqliteRow) -> Result<Row, StoreError> {
    let read = |index: usize| {
        let raw = row.try_get_raw(index)?;
        // The storage class of this value; the declared type of the column says nothing about it.
        let class = if raw.is_null() { "NULL".to_owned() } else { raw.type_info().name().to_owned() };
        Ok::<_, sqlx::Error>(match class.as_str() {
            "NULL" => Value::Int(None),
            "INTEGER" | "BOOLEAN" => Value::Int(Some(row.try_get_unchecked(index)?)),
            "BLOB" => Value::Bytes(Some(row.try_get_unchecked(index)?)),
            "REAL" => Value::Float(Some(row.try_get_unchecked(index)?)),
            _ => Value::Text(Some(row.try_get_unchecked(index)?)),
        })
    };
    let value = |(index, name): (usize, &String)| read(index).map_err(|error| StoreError::unreadable(name, error));
    Ok(Row::new(columns, columns.iter().enumerate().map(value).collect::<Result<_, _>>()?))
}
