//! A private database in memory for one question: declared, locked, read once, and gone.
//!
//! Three locks keep it read-only, each of which would be enough: SQLite's authorizer allows only what a SELECT needs, the connection is in the mode
//! `query_only`, and only statements that SQLite calls read-only are run. And what they could change is a copy.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row};
use vitals::{Registry, Table};

use super::answer::{Answer, Cell, Cut};
use super::bounds::{
    MAX_ANSWER, MAX_ARGUMENTS, MAX_COLUMNS, MAX_COMPOUND, MAX_DEPTH, MAX_PATTERN, MAX_ROWS, MAX_SQL, MAX_VALUE,
    MAX_VARIABLES, STEPS,
};
use super::catalogue::{declaration, tables};
use super::copy::{Read, copy};
use super::error::QueryError;
use super::trim::trim_functions;
use super::watch::Watch;

/// Functions that no question needs and that reach beyond the database.
const DENIED_FUNCTIONS: [&str; 2] = ["load_extension", "fts3_tokenizer"];

/// Limits of statements from outside.
const LIMITS: [(Limit, i32); 11] = [
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE as i32),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, MAX_SQL as i32),
    (Limit::SQLITE_LIMIT_COLUMN, MAX_COLUMNS),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, MAX_DEPTH),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, MAX_COMPOUND),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, MAX_VARIABLES),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, MAX_ARGUMENTS),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, MAX_PATTERN),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 0),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];

/// The acts that the authorizer saw.
#[derive(Debug, Default)]
struct Seen {
    read: Read,
    /// The first act that was refused.
    refused: Option<String>,
}

type Shared = Arc<Mutex<Seen>>;

/// Answers a statement from a copy of the tables that it reads.
///
/// # Errors
/// [`QueryError`], other than of its turn or name.
pub(super) fn answer(registry: &Registry, sql: &str, watch: &mut Watch) -> Result<Answer, QueryError> {
    if sql.len() > MAX_SQL {
        return Err(QueryError::TooLong { bytes: sql.len() });
    }
    // SQLite would take it for the end.
    if let Some(offset) = sql.find('\0') {
        return Err(QueryError::Sql { message: "there is a zero character".to_owned(), offset: Some(offset) });
    }
    let tables = tables(registry);
    let connection = open(&tables, watch).map_err(failed)?;
    let seen = Shared::default();
    lock(&connection, &seen).map_err(failed)?;
    match prepared(&connection, sql, &seen) {
        Ok(_) => {}
        Err(error) => return ended(error, watch),
    }
    let read = std::mem::take(&mut *of(&seen)).read;
    unlock(&connection).map_err(failed)?;
    let is_whole = copy(&connection, registry, &tables, &read, watch).map_err(failed)?;
    lock(&connection, &seen).map_err(failed)?;
    let answer = match prepared(&connection, sql, &seen).and_then(|statement| rows(statement, watch)) {
        Ok(answer) => answer,
        Err(error) => return ended(error, watch),
    };
    Ok(match answer.cut.or(watch.cut()) {
        None if !is_whole => Answer { cut: Some(Cut::Tables), ..answer },
        cut => Answer { cut, ..answer },
    })
}

/// Opens the database, with all tables empty.
fn open(tables: &[&'static Table], watch: &Watch) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_in_memory_with_flags(flags)?;
    // What is sorted stays in memory, where the watch sees it: nothing is written to a disk.
    connection.execute_batch("PRAGMA temp_store = MEMORY")?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    trim_functions(&connection, FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC)?;
    let declarations: Vec<String> = tables.iter().map(|table| declaration(table)).collect();
    connection.execute_batch(&declarations.join(";"))?;
    let mut watch = watch.clone();
    connection.progress_handler(STEPS, Some(move || watch.must_end()))?;
    Ok(connection)
}

/// From here on it takes statements from outside.
fn lock(connection: &Connection, seen: &Shared) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA query_only = ON")?;
    for (limit, most) in LIMITS {
        connection.set_limit(limit, most)?;
    }
    let seen = Arc::clone(seen);
    connection.authorizer(Some(move |context: AuthContext<'_>| authorize(&context, &mut of(&seen))))
}

/// From here on it takes statements of ours.
fn unlock(connection: &Connection) -> rusqlite::Result<()> {
    connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
    for (limit, _) in LIMITS {
        connection.set_limit(limit, i32::MAX)?;
    }
    connection.execute_batch("PRAGMA query_only = OFF")
}

fn authorize(context: &AuthContext<'_>, seen: &mut Seen) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Read { table_name, column_name } => {
            let columns = seen.read.entry(table_name.to_ascii_lowercase()).or_default();
            columns.insert(column_name.to_ascii_lowercase());
            Authorization::Allow
        }
        AuthAction::Function { function_name } if !DENIED_FUNCTIONS.contains(&function_name) => Authorization::Allow,
        other => {
            seen.refused.get_or_insert_with(|| act(other));
            Authorization::Deny
        }
    }
}

/// An act for people: `delete from the table events`.
fn act(action: AuthAction<'_>) -> String {
    match action {
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name }
            if table_name.starts_with("sqlite_") =>
        {
            "change the schema".to_owned()
        }
        AuthAction::Insert { table_name } => format!("insert into the table {table_name}"),
        AuthAction::Update { table_name, .. } => format!("update the table {table_name}"),
        AuthAction::Delete { table_name } => format!("delete from the table {table_name}"),
        AuthAction::Attach { .. } => "attach a database".to_owned(),
        AuthAction::Detach { .. } => "detach a database".to_owned(),
        AuthAction::Pragma { pragma_name, .. } => format!("use the pragma {pragma_name}"),
        AuthAction::Function { function_name } => format!("use the function {function_name}"),
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => "open or end a transaction".to_owned(),
        _ => "change the schema".to_owned(),
    }
}

/// Prepares a statement that only reads.
fn prepared<'c>(connection: &'c Connection, sql: &str, seen: &Shared) -> Result<rusqlite::Statement<'c>, QueryError> {
    let statement = connection.prepare(sql).map_err(|error| match of(seen).refused.take() {
        Some(act) => QueryError::Refused { act },
        None => told(error),
    })?;
    if statement.column_count() == 0 {
        let act = "return no rows".to_owned();
        return Err(QueryError::Refused { act });
    }
    if !statement.readonly() {
        return Err(QueryError::Refused { act: "change the database".to_owned() });
    }
    Ok(statement)
}

/// The rows of a statement, within the bounds.
fn rows(mut statement: rusqlite::Statement<'_>, watch: &Watch) -> Result<Answer, QueryError> {
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let (mut answer, mut bytes) = (Answer { columns, ..Answer::default() }, 0);
    let width = answer.columns.len();
    let mut rows = statement.raw_query();
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => break,
            Err(error) if is_interrupt(&error) && watch.cut().is_some() => break,
            Err(error) => return Err(told(error)),
        };
        if answer.rows.len() == MAX_ROWS {
            answer.cut = Some(Cut::Rows);
            break;
        }
        let cells = cells(row, width).map_err(told)?;
        bytes += 3 + cells.iter().map(Cell::json_size).sum::<usize>();
        if bytes > MAX_ANSWER {
            answer.cut = Some(Cut::Bytes);
            break;
        }
        answer.rows.push(cells);
    }
    Ok(answer)
}

fn cells(row: &Row<'_>, width: usize) -> rusqlite::Result<Vec<Cell>> {
    let cell = |place| {
        Ok(match row.get_ref(place)? {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Integer(number),
            ValueRef::Real(number) => Cell::Real(number),
            ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
        })
    };
    (0..width).map(cell).collect()
}

/// An error, or the empty answer to a statement that was ended before its first row.
fn ended(error: QueryError, watch: &Watch) -> Result<Answer, QueryError> {
    match (&error, watch.cut()) {
        (QueryError::Failed(_), Some(cut)) => Ok(Answer { cut: Some(cut), ..Answer::default() }),
        _ => Err(error),
    }
}

/// An error of a statement from outside.
fn told(error: rusqlite::Error) -> QueryError {
    match error {
        rusqlite::Error::MultipleStatement => {
            QueryError::Sql { message: "there is more than one statement".to_owned(), offset: None }
        }
        _ if error.sqlite_error_code() == Some(ErrorCode::TooBig) => QueryError::TooBig,
        _ if is_interrupt(&error) => failed(error),
        rusqlite::Error::SqlInputError { msg, offset, .. } => {
            QueryError::Sql { message: msg, offset: usize::try_from(offset).ok() }
        }
        rusqlite::Error::SqliteFailure(_, Some(message)) => QueryError::Sql { message, offset: None },
        other => QueryError::Sql { message: other.to_string(), offset: None },
    }
}

fn is_interrupt(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}

fn failed(error: rusqlite::Error) -> QueryError {
    QueryError::Failed(error.to_string())
}

fn of(seen: &Shared) -> MutexGuard<'_, Seen> {
    // Whole whatever happened to the thread that held it.
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
