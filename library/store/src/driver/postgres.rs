//! PostgreSQL: opening, the bounds of a transaction, values, rows.

use std::time::Duration;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{
    PgArgumentBuffer, PgArguments, PgPoolOptions, PgRow, PgTypeInfo, PgTypeKind, PgValueFormat, PgValueRef,
};
use sqlx::query::Query;
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Decode, Encode, PgConnection, PgPool, Postgres, Row as _, SqlSafeStr,
    SqlStr, Type, TypeInfo,
};
use uuid::Uuid;

use crate::row::Columns;
use crate::url::PostgresTarget;
use crate::value::numeric::Numeric;
use crate::value::timestamp;
use crate::{Options, Row, StoreError, StoreUrl, Value};

/// The connections of one database.
#[derive(Clone, Debug)]
pub(crate) struct PostgresPool {
    pub(crate) pool: PgPool,
    pub(crate) named_statements: bool,
}

pub(crate) async fn open(
    url: &StoreUrl,
    target: &PostgresTarget,
    options: &Options,
) -> Result<PostgresPool, StoreError> {
    provide_cryptography();
    // No startup parameter that a pooler would refuse: timeouts come with each transaction.
    let connect = target.options.as_ref().clone().extra_float_digits(None);
    // The pool would try again in silence: the first connection says what is wrong.
    let first = connect.connect().await.map_err(|error| {
        let advice = "check that PostgreSQL runs, and host, database, user and password in DATABASE_URL";
        StoreError::unreachable(url, error.to_string(), advice)
    })?;
    let _ = sqlx::Connection::close(first).await;
    let pool = PgPoolOptions::new()
        .max_connections(options.connections.unwrap_or(16))
        .acquire_timeout(options.acquire_timeout)
        .connect_lazy_with(connect);
    Ok(PostgresPool { pool, named_statements: target.named_statements })
}

/// Makes ring the crypto provider of a process that has none.
///
/// The driver names its provider except where it verifies the authority alone (`sslmode=verify-ca`): there it panics in a process whose other
/// crates turn on a second provider of rustls.
fn provide_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have been faster; then its provider is there.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// Begins a transaction in a task of its own, which goes on when the caller is dropped.
///
/// A `BEGIN` that is dropped on its way leaves the driver's connection in a transaction that the driver does not see, back in the pool: the
/// session stays in it until its next use (<https://github.com/transact-rs/sqlx/issues/4393>).
pub(crate) async fn begin(
    pool: &PostgresPool,
    begin: String,
) -> Result<sqlx::Transaction<'static, Postgres>, sqlx::Error> {
    let pool = pool.pool.clone();
    let begun = tokio::spawn(async move { pool.begin_with(AssertSqlSafe(begin)).await }).await;
    begun.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

/// Returns true if the connection may keep the statement prepared.
pub(crate) fn may_keep(_sql: &str) -> bool {
    true
}

/// Nothing is done before a statement: the server refuses one whose columns have changed.
pub(crate) async fn prepare(_connection: &mut PgConnection, _sql: &str) -> Result<(), sqlx::Error> {
    Ok(())
}

/// Returns a pool of one connection of its own, for statements outside transactions. Their bounds are set for the session; behind a
/// pooler, which gives a session to others, only those of the server and the role hold.
pub(crate) fn side(pool: &PostgresPool, options: &Options) -> PostgresPool {
    let (limits, named_statements) = (TransactionLimits::of_migrations(options), pool.named_statements);
    let side = PgPoolOptions::new().max_connections(1).acquire_timeout(options.acquire_timeout).after_connect(
        move |connection, _| {
            Box::pin(async move {
                if named_statements {
                    sqlx::raw_sql(AssertSqlSafe(limits.set())).execute(connection).await?;
                }
                Ok(())
            })
        },
    );
    PostgresPool { pool: side.connect_lazy_with(pool.pool.connect_options().as_ref().clone()), named_statements }
}

/// Returns a pool of one connection of its own, opened at its first use.
pub(crate) fn reserved(pool: &PostgresPool, options: &Options) -> PostgresPool {
    let reserved = PgPoolOptions::new().max_connections(1).acquire_timeout(options.acquire_timeout);
    let named_statements = pool.named_statements;
    PostgresPool { pool: reserved.connect_lazy_with(pool.pool.connect_options().as_ref().clone()), named_statements }
}

/// Runs one statement outside a transaction.
pub(crate) async fn run_outside(pool: &PostgresPool, sql: SqlStr) -> Result<(), sqlx::Error> {
    let mut connection = pool.pool.acquire().await?;
    if pool.named_statements {
        // Never under a name: it runs once. The server refuses more than one statement.
        sqlx::query(sql).persistent(false).execute(&mut *connection).await.map(drop)
    } else {
        // In one message: outside a transaction a pooler may send each message to another session, which has not prepared the statement.
        sqlx::raw_sql(sql).execute(&mut *connection).await.map(drop)
    }
}

/// The timeouts of one transaction, zero for none. They are set with the transaction and end with it, so that they work behind a
/// pooler and leave nothing on a connection that others use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransactionLimits {
    pub(crate) statement: Duration,
    pub(crate) lock: Duration,
    pub(crate) idle: Duration,
}

impl TransactionLimits {
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            statement: options.statement_timeout,
            lock: options.lock_timeout,
            idle: options.idle_in_transaction_timeout,
        }
    }

    pub(crate) fn of_migrations(options: &Options) -> Self {
        Self {
            statement: options.migration_timeout,
            lock: options.migration_lock_timeout,
            idle: options.migration_timeout,
        }
    }

    /// One round trip. Only numbers and words of this file are in it.
    pub(crate) fn begin(self, mode: &'static str) -> String {
        let Self { statement, lock, idle } = self;
        format!(
            "BEGIN ISOLATION LEVEL {mode}; SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; \
             SET LOCAL idle_in_transaction_session_timeout = {}",
            milliseconds(statement),
            milliseconds(lock),
            milliseconds(idle),
        )
    }

    /// The same bounds for a session of our own.
    fn set(self) -> String {
        format!(
            "SET statement_timeout = {}; SET lock_timeout = {}",
            milliseconds(self.statement),
            milliseconds(self.lock)
        )
    }
}

/// PostgreSQL's timeouts are whole milliseconds of at most 31 bits; a bound below one is one, as zero is none.
fn milliseconds(duration: Duration) -> i32 {
    if duration.is_zero() { 0 } else { i32::try_from(duration.as_millis()).unwrap_or(i32::MAX).max(1) }
}

/// Microseconds from 1970 to 2000, where PostgreSQL counts from.
const MICROS_TO_2000: i64 = 946_684_800_000_000;

/// The types whose binary format is written and read here, by their fixed object ids.
const UUID: Oid = Oid(2950);
const TIMESTAMPTZ: Oid = Oid(1184);
const NUMERIC: Oid = Oid(1700);
const JSONB: Oid = Oid(3802);

/// A value in PostgreSQL's binary format.
struct Binary {
    kind: Oid,
    bytes: Option<Vec<u8>>,
}

impl Type<Postgres> for Binary {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("BYTEA")
    }

    fn compatible(_: &PgTypeInfo) -> bool {
        true
    }
}

impl Encode<'_, Postgres> for Binary {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let Some(bytes) = &self.bytes else { return Ok(IsNull::Yes) };
        buffer.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(self.kind))
    }
}

/// The bytes of a value as they came.
struct Raw(Vec<u8>);

impl Decode<'_, Postgres> for Raw {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        match value.format() {
            PgValueFormat::Binary => Ok(Self(value.as_bytes()?.to_vec())),
            PgValueFormat::Text => Err("it came as text".into()),
        }
    }
}

/// Returns the statement as it is: it is written for PostgreSQL.
pub(crate) fn statement(sql: &'static str, _args: &[Value]) -> SqlStr {
    sql.into_sql_str()
}

/// Binds every value with its type.
///
/// # Errors
/// A value that no column can hold.
pub(crate) fn bind(
    mut query: Query<'static, Postgres, PgArguments>,
    args: Vec<Value>,
) -> Result<Query<'static, Postgres, PgArguments>, sqlx::Error> {
    let refused = |reason: String| sqlx::Error::Encode(reason.into());
    for value in args {
        let (kind, bytes) = match value {
            Value::Int(value) => {
                query = query.bind(value);
                continue;
            }
            Value::Bool(value) => {
                query = query.bind(value);
                continue;
            }
            Value::Text(value) => {
                query = query.bind(value);
                continue;
            }
            Value::Bytes(value) => {
                query = query.bind(value);
                continue;
            }
            Value::Float(value) => {
                query = query.bind(value);
                continue;
            }
            Value::Ints(list) => {
                query = query.bind(list);
                continue;
            }
            Value::Texts(list) => {
                query = query.bind(list);
                continue;
            }
            Value::Uuid(value) => (UUID, value.map(|uuid| uuid.as_bytes().to_vec())),
            Value::Numeric(value) => (NUMERIC, value.map(|number| number.to_binary())),
            // The first byte is the version of the format.
            Value::Json(value) => (JSONB, value.map(|document| format!("\u{1}{document}").into_bytes())),
            Value::Timestamp(None) => (TIMESTAMPTZ, None),
            Value::Timestamp(Some(time)) => {
                let micros = timestamp::micros(time).and_then(|micros| micros.checked_sub(MICROS_TO_2000));
                let micros =
                    micros.ok_or_else(|| refused("a timestamp is beyond the range of TIMESTAMPTZ".to_owned()))?;
                (TIMESTAMPTZ, Some(micros.to_be_bytes().to_vec()))
            }
            Value::TooLarge(number) => return Err(refused(format!("{number} is beyond the range of BIGINT"))),
        };
        query = query.bind(Binary { kind, bytes });
    }
    Ok(query)
}

/// The names of a row's columns.
pub(crate) fn columns(row: &PgRow) -> Columns {
    row.columns().iter().map(|column| column.name().to_owned()).collect()
}

/// Reads a row.
///
/// # Errors
/// [`StoreError::Column`] for a type that is not read.
pub(crate) fn read(columns: &Columns, row: &PgRow) -> Result<Row, StoreError> {
    let value =
        |(index, name): (usize, &String)| value(row, index).map_err(|error| StoreError::unreadable(name, error));
    Ok(Row::new(columns, columns.iter().enumerate().map(value).collect::<Result<_, _>>()?))
}

fn value(row: &PgRow, index: usize) -> Result<Value, sqlx::Error> {
    let refused = |reason: String| sqlx::Error::Decode(reason.into());
    let kind = row.column(index).type_info();
    let raw = || -> Result<Option<Vec<u8>>, sqlx::Error> {
        let there = row.try_get_unchecked::<Option<Raw>, _>(index)?;
        Ok(there.map(|raw| raw.0))
    };
    Ok(match kind.name() {
        "INT8" => Value::Int(row.try_get(index)?),
        "INT4" => Value::Int(row.try_get::<Option<i32>, _>(index)?.map(Into::into)),
        "INT2" => Value::Int(row.try_get::<Option<i16>, _>(index)?.map(Into::into)),
        "OID" => Value::Int(row.try_get::<Option<Oid>, _>(index)?.map(|oid| oid.0.into())),
        "BOOL" => Value::Bool(row.try_get(index)?),
        "TEXT" | "VARCHAR" | "NAME" | "CHAR" => Value::Text(row.try_get(index)?),
        "BYTEA" => Value::Bytes(row.try_get(index)?),
        "FLOAT8" => Value::Float(row.try_get(index)?),
        "INT8[]" => Value::Ints(row.try_get(index)?),
        "TEXT[]" => Value::Texts(row.try_get(index)?),
        "FLOAT4" => Value::Float(row.try_get::<Option<f32>, _>(index)?.map(Into::into)),
        "UUID" => {
            let uuid = raw()?.map(|bytes| Uuid::from_slice(&bytes)).transpose();
            Value::Uuid(uuid.map_err(|error| refused(error.to_string()))?)
        }
        "TIMESTAMPTZ" => Value::Timestamp(raw()?.map(|bytes| moment(&bytes)).transpose().map_err(refused)?),
        "NUMERIC" => {
            let number = raw()?.map(|bytes| Numeric::from_binary(&bytes)).transpose();
            Value::Numeric(number.map_err(|reason| refused(reason.to_owned()))?)
        }
        "JSONB" | "JSON" => {
            let document = raw()?.map(|bytes| serde_json::from_slice(bytes.strip_prefix(&[1]).unwrap_or(&bytes)));
            Value::Json(document.transpose().map_err(|error| refused(error.to_string()))?)
        }
        _ if matches!(kind.kind(), PgTypeKind::Enum(_)) => Value::Text(row.try_get_unchecked(index)?),
        "TIMESTAMP" => {
            return Err(refused(
                "a TIMESTAMP has no zone; use TIMESTAMPTZ, or cast it with AT TIME ZONE 'UTC'".to_owned(),
            ));
        }
        other => {
            return Err(refused(format!(
                "the type {other} is not read; cast it in the statement, as in CAST(x AS TEXT)"
            )));
        }
    })
}

fn moment(bytes: &[u8]) -> Result<std::time::SystemTime, String> {
    let micros: [u8; 8] = bytes.try_into().map_err(|_| "a timestamp has 8 bytes".to_owned())?;
    let micros = match i64::from_be_bytes(micros) {
        i64::MAX | i64::MIN => return Err("the timestamp is infinite".to_owned()),
        micros => micros,
    };
    let moment = micros.checked_add(MICROS_TO_2000).and_then(timestamp::from_micros);
    moment.ok_or_else(|| "the timestamp is beyond the range of this host's clock".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_below_a_millisecond_is_one_and_none_is_zero() {
        assert_eq!(milliseconds(Duration::ZERO), 0);
        assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds(Duration::from_secs(2)), 2000);
        assert_eq!(milliseconds(Duration::MAX), i32::MAX);
    }
}
