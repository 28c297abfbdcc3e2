//! The values that statements take and rows hold.

pub(crate) mod numeric;
pub(crate) mod timestamp;

use std::time::SystemTime;

use numeric::Numeric;
use serde_json::Value as Json;
use uuid::Uuid;

/// A value of a statement or a row. Each has a type also when it is null, because PostgreSQL asks for one.
///
/// | `Value` | from and as Rust types | column on SQLite | column on PostgreSQL |
/// |---|---|---|---|
/// | `Int` | `i8` to `i64`, `u8` to `u64`, `usize` | INTEGER | BIGINT; reads SMALLINT, INTEGER, OID |
/// | `Bool` | `bool` | INTEGER, 0 and 1 | BOOLEAN |
/// | `Text` | `String`, `&str` | TEXT | TEXT; reads VARCHAR, CHAR, NAME, enums |
/// | `Bytes` | `Vec<u8>`, `&[u8]` | BLOB | BYTEA |
/// | `Float` | `f64` | REAL | DOUBLE PRECISION; reads REAL |
/// | `Uuid` | [`uuid::Uuid`] | TEXT, `67e55044-10b1-426f-9247-bb680e5fe0c8` | UUID |
/// | `Timestamp` | [`std::time::SystemTime`] | TEXT, `2026-11-29T12:00:00.000000Z` | TIMESTAMPTZ |
/// | `Numeric` | [`Numeric`] | TEXT, `12.50` | NUMERIC |
/// | `Json` | [`serde_json::Value`] | TEXT | JSONB; reads JSON |
/// | `Ints`, `Texts` | `Vec<i64>`, `Vec<String>` and slices of them | only for `= ANY($1)` | BIGINT[], TEXT[]; reads those without nulls |
///
/// A number that BIGINT cannot hold becomes [`Value::TooLarge`], and its statement fails with [`crate::StoreError::InvalidValue`].
/// Timestamps have whole microseconds and are rounded down to them. On SQLite timestamps sort as text; a `Numeric` does not.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A signed 64-bit integer.
    Int(Option<i64>),
    /// A boolean.
    Bool(Option<bool>),
    /// Text in UTF-8.
    Text(Option<String>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
    /// A double. Never for money.
    Float(Option<f64>),
    /// A UUID.
    Uuid(Option<Uuid>),
    /// A moment.
    Timestamp(Option<SystemTime>),
    /// An exact decimal number.
    Numeric(Option<Numeric>),
    /// A JSON document.
    Json(Option<Json>),
    /// A list of integers for `= ANY($1)` and `<> ALL($1)`.
    Ints(Vec<i64>),
    /// A list of texts for `= ANY($1)` and `<> ALL($1)`.
    Texts(Vec<String>),
    /// A number that no column can hold.
    TooLarge(u64),
}

impl Value {
    /// Returns whether it is null.
    pub fn is_null(&self) -> bool {
        match self {
            Self::Int(value) => value.is_none(),
            Self::Bool(value) => value.is_none(),
            Self::Text(value) => value.is_none(),
            Self::Bytes(value) => value.is_none(),
            Self::Float(value) => value.is_none(),
            Self::Uuid(value) => value.is_none(),
            Self::Timestamp(value) => value.is_none(),
            Self::Numeric(value) => value.is_none(),
            Self::Json(value) => value.is_none(),
            Self::Ints(_) | Self::Texts(_) | Self::TooLarge(_) => false,
        }
    }

    /// Names its kind in messages.
    pub(crate) fn kind(&self) -> &'static str {
        if self.is_null() {
            return "null";
        }
        match self {
            Self::Int(_) | Self::TooLarge(_) => "an integer",
            Self::Bool(_) => "a boolean",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Float(_) => "a float",
            Self::Uuid(_) => "a UUID",
            Self::Timestamp(_) => "a timestamp",
            Self::Numeric(_) => "a decimal number",
            Self::Json(_) => "JSON",
            Self::Ints(_) | Self::Texts(_) => "a list",
        }
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn is_list(&self) -> bool {
        matches!(self, Self::Ints(_) | Self::Texts(_))
    }
}

macro_rules! value_from {
    ($($variant:ident from $($source:ty),+;)+) => {$($(
        impl From<$source> for Value {
            fn from(value: $source) -> Self {
                Self::$variant(Some(value.into()))
            }
        }
        impl From<Option<$source>> for Value {
            fn from(value: Option<$source>) -> Self {
                Self::$variant(value.map(Into::into))
            }
        }
    )+)+};
}

value_from! {
    Int from i64, i32, i16, i8, u32, u16, u8;
    Bool from bool;
    Text from String, &str;
    Bytes from Vec<u8>, &[u8];
    Float from f64, f32;
    Uuid from Uuid;
    Timestamp from SystemTime;
    Numeric from Numeric;
    Json from Json;
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or(Self::TooLarge(number), |number| Self::Int(Some(number)))
    }
}

impl From<Option<u64>> for Value {
    fn from(number: Option<u64>) -> Self {
        number.map_or(Self::Int(None), Self::from)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        u64::try_from(number).map_or(Self::TooLarge(u64::MAX), Self::from)
    }
}

impl From<Option<usize>> for Value {
    fn from(number: Option<usize>) -> Self {
        number.map_or(Self::Int(None), Self::from)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

impl From<&Json> for Value {
    fn from(document: &Json) -> Self {
        Self::Json(Some(document.clone()))
    }
}

impl From<&Numeric> for Value {
    fn from(number: &Numeric) -> Self {
        Self::Numeric(Some(number.clone()))
    }
}

impl From<Vec<i64>> for Value {
    fn from(list: Vec<i64>) -> Self {
        Self::Ints(list)
    }
}

impl From<&[i64]> for Value {
    fn from(list: &[i64]) -> Self {
        Self::Ints(list.to_vec())
    }
}

impl From<Vec<String>> for Value {
    fn from(list: Vec<String>) -> Self {
        Self::Texts(list)
    }
}

impl From<&[String]> for Value {
    fn from(list: &[String]) -> Self {
        Self::Texts(list.to_vec())
    }
}

impl From<&[&str]> for Value {
    fn from(list: &[&str]) -> Self {
        Self::Texts(list.iter().map(|&text| text.to_owned()).collect())
    }
}

/// The values of a statement, in the order of `$1, $2, ...`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        ::std::vec![$($crate::Value::from($value)),*] as ::std::vec::Vec<$crate::Value>
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_null_keeps_the_type_of_its_option() {
        assert_eq!(args![None::<i64>, None::<&str>], [Value::Int(None), Value::Text(None)]);
        assert_eq!(args![None::<Uuid>, None::<u64>], [Value::Uuid(None), Value::Int(None)]);
        assert!(args![None::<Numeric>, None::<Json>, None::<SystemTime>].iter().all(Value::is_null));
    }

    #[test]
    fn an_unsigned_number_is_checked_and_never_wraps() {
        assert_eq!(Value::from(7_usize), Value::Int(Some(7)));
        assert_eq!(Value::from(i64::MAX as u64), Value::Int(Some(i64::MAX)));
        assert_eq!(Value::from(i64::MAX as u64 + 1), Value::TooLarge(1 << 63));
    }
}
