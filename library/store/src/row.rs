//! Rows of a query, read by column name and type.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column, Row as _, TypeInfo, ValueRef};

use crate::{StoreError, Value};

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    columns: Vec<(String, Value)>,
}

/// A type that a column can be read as.
pub trait FromValue: Sized {
    /// The value, or what it was instead.
    ///
    /// # Errors
    /// The reason, as a sentence.
    fn from_value(value: Value) -> Result<Self, String>;
}

impl Row {
    /// One column.
    ///
    /// # Errors
    /// [`StoreError::Column`] when there is none of this name, or it holds another type.
    pub fn get<T: FromValue>(&self, name: &str) -> Result<T, StoreError> {
        let wrong = |reason: String| StoreError::Column { column: name.to_owned(), reason };
        let value = self.columns.iter().find(|(column, _)| column == name).map(|(_, value)| value.clone());
        let value = value.ok_or_else(|| wrong("the statement returns no column of this name".to_owned()))?;
        T::from_value(value).map_err(wrong)
    }

    pub(crate) fn from_sqlite(row: &SqliteRow) -> Result<Self, StoreError> {
        let read = |index: usize| {
            let kind = row.try_get_raw(index)?.type_info().name().to_owned();
            Ok::<_, sqlx::Error>(match kind.as_str() {
                "INTEGER" | "BOOLEAN" | "NULL" => Value::Int(row.try_get(index)?),
                "TEXT" => Value::Text(row.try_get(index)?),
                "BLOB" => Value::Bytes(row.try_get(index)?),
                "REAL" => Value::Float(row.try_get(index)?),
                other => return Err(unknown(other)),
            })
        };
        Self::from_columns(row.columns().iter().map(Column::name), read)
    }

    pub(crate) fn from_postgres(row: &PgRow) -> Result<Self, StoreError> {
        let read = |index: usize| {
            let kind = row.column(index).type_info().name().to_owned();
            Ok::<_, sqlx::Error>(match kind.as_str() {
                "INT8" => Value::Int(row.try_get(index)?),
                "INT4" => Value::Int(row.try_get::<Option<i32>, _>(index)?.map(Into::into)),
                "INT2" => Value::Int(row.try_get::<Option<i16>, _>(index)?.map(Into::into)),
                "BOOL" => Value::Bool(row.try_get(index)?),
                "TEXT" | "VARCHAR" | "NAME" | "BPCHAR" => Value::Text(row.try_get(index)?),
                "BYTEA" => Value::Bytes(row.try_get(index)?),
                "FLOAT8" => Value::Float(row.try_get(index)?),
                other => return Err(unknown(other)),
            })
        };
        Self::from_columns(row.columns().iter().map(Column::name), read)
    }

    fn from_columns<'n>(
        names: impl Iterator<Item = &'n str>,
        read: impl Fn(usize) -> Result<Value, sqlx::Error>,
    ) -> Result<Self, StoreError> {
        let column = |(index, name): (usize, &str)| match read(index) {
            Ok(value) => Ok((name.to_owned(), value)),
            Err(error) => Err(StoreError::Column { column: name.to_owned(), reason: error.to_string() }),
        };
        Ok(Self { columns: names.enumerate().map(column).collect::<Result<_, _>>()? })
    }
}

fn unknown(kind: &str) -> sqlx::Error {
    sqlx::Error::Decode(
        format!("the type {kind} is not read; cast it in the statement, as in CAST(SUM(x) AS BIGINT)").into(),
    )
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Int(Some(number)) => Ok(number),
            other => Err(format!("it is no integer but {}", kind_of(&other))),
        }
    }
}

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Bool(Some(flag)) => Ok(flag),
            // SQLite keeps booleans as 0 and 1.
            Value::Int(Some(number @ (0 | 1))) => Ok(number == 1),
            other => Err(format!("it is no boolean but {}", kind_of(&other))),
        }
    }
}

impl FromValue for f64 {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Float(Some(number)) => Ok(number),
            other => Err(format!("it is no float but {}", kind_of(&other))),
        }
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Text(Some(text)) => Ok(text),
            other => Err(format!("it is no text but {}", kind_of(&other))),
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Bytes(Some(bytes)) => Ok(bytes),
            other => Err(format!("it is no bytes but {}", kind_of(&other))),
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, String> {
        let null = matches!(
            value,
            Value::Int(None) | Value::Bool(None) | Value::Text(None) | Value::Bytes(None) | Value::Float(None)
        );
        if null { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Int(Some(_)) => "an integer",
        Value::Bool(Some(_)) => "a boolean",
        Value::Text(Some(_)) => "text",
        Value::Bytes(Some(_)) => "bytes",
        Value::Float(Some(_)) => "a float",
        Value::Int(None) | Value::Bool(None) | Value::Text(None) | Value::Bytes(None) | Value::Float(None) => "null",
    }
}
