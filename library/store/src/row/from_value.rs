//! Reads values as Rust types.

use std::time::SystemTime;

use serde_json::Value as Json;
use uuid::Uuid;

use crate::Value;
use crate::value::numeric::Numeric;
use crate::value::timestamp;

/// A type that a column can be read as. Implement it for types of your own.
pub trait FromValue: Sized {
    /// Reads a value.
    ///
    /// # Errors
    /// Converts the value, or returns an error with its type.
    fn from_value(value: Value) -> Result<Self, ColumnError>;
}

/// The reason why a column cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnError {
    /// The statement does not return it.
    #[error("the statement returns no such column")]
    Missing,
    /// It holds a value of another kind.
    #[error("it holds {found}, not {expected}")]
    Kind {
        /// The kind that was asked for.
        expected: &'static str,
        /// The kind that it holds.
        found: &'static str,
    },
    /// It holds a number beyond the range of the type that was asked for.
    #[error("{number} is beyond the range of {target}")]
    Range {
        /// The number.
        number: i64,
        /// The type.
        target: &'static str,
    },
    /// It holds a value that the type does not have.
    #[error("{0}")]
    Invalid(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ColumnError {
    /// A value that a type does not have, with the reason.
    pub fn invalid(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Invalid(reason.into())
    }

    fn kind(expected: &'static str, found: &Value) -> Self {
        Self::Kind { expected, found: found.kind() }
    }
}

impl FromValue for Value {
    fn from_value(value: Value) -> Result<Self, ColumnError> {
        Ok(value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, ColumnError> {
        if value.is_null() { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Result<Self, ColumnError> {
        match value {
            Value::Int(Some(number)) => Ok(number),
            other => Err(ColumnError::kind("an integer", &other)),
        }
    }
}

macro_rules! integers {
    ($($type:ident),+) => {$(
        impl FromValue for $type {
            fn from_value(value: Value) -> Result<Self, ColumnError> {
                let number = i64::from_value(value)?;
                $type::try_from(number).map_err(|_| ColumnError::Range { number, target: stringify!($type) })
            }
        }
    )+};
}

integers!(i8, i16, i32, u8, u16, u32, u64, usize);

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, ColumnError> {
        match value {
            Value::Bool(Some(flag)) => Ok(flag),
            // SQLite keeps booleans as 0 and 1.
            Value::Int(Some(number @ (0 | 1))) => Ok(number == 1),
            other => Err(ColumnError::kind("a boolean", &other)),
        }
    }
}

impl FromValue for f64 {
    fn from_value(value: Value) -> Result<Self, ColumnError> {
        match value {
            Value::Float(Some(number)) => Ok(number),
            other => Err(ColumnError::kind("a float", &other)),
        }
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, ColumnError> {
        match value {
            Value::Text(Some(text)) => Ok(text),
            other => Err(ColumnError::kind("text", &other)),
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Result<Self, ColumnError> {
        match value {
            Value::Bytes(Some(bytes)) => Ok(bytes),
            other => Err(ColumnError::kind("bytes", &other)),
        }
    }
}

impl FromValue for Vec<i64> {
    fn from_value(value: Value) -> Result<Self, ColumnError> {
        match value {
            Value::Ints(list) => Ok(list),
            other => Err(ColumnError::kind("a list of integers", &other)),
        }
    }
}

impl FromValue for Vec<String> {
    fn from_value(value: Value) -> Result<Self, ColumnError> {
        match value {
            Value::Texts(list) => Ok(list),
            other => Err(ColumnError::kind("a list of texts", &other)),
        }
    }
}

impl FromValue for Uuid {
    fn from_value(value: Value) -> Result<Self, ColumnError> {
        match value {
            Value::Uuid(Some(uuid)) => Ok(uuid),
            Value::Text(Some(text)) => text.parse().map_err(ColumnError::invalid),
            other => Err(ColumnError::kind("a UUID", &other)),
        }
    }
}

impl FromValue for SystemTime {
    fn from_value(value: Value) -> Result<Self, ColumnError> {
        match value {
            Value::Timestamp(Some(time)) => Ok(time),
            Value::Text(Some(text)) => timestamp::from_text(&text).ok_or_else(|| {
                ColumnError::invalid(format!("{text:?} is no moment of RFC 3339, such as 2026-11-29T12:00:00Z"))
            }),
            other => Err(ColumnError::kind("a timestamp", &other)),
        }
    }
}

impl FromValue for Numeric {
    fn from_value(value: Value) -> Result<Self, ColumnError> {
        match value {
            Value::Numeric(Some(number)) => Ok(number),
            Value::Int(Some(number)) => Ok(number.into()),
            Value::Text(Some(text)) => text.parse().map_err(ColumnError::invalid),
            other => Err(ColumnError::kind("a decimal number", &other)),
        }
    }
}

impl FromValue for Json {
    fn from_value(value: Value) -> Result<Self, ColumnError> {
        match value {
            Value::Json(Some(document)) => Ok(document),
            Value::Text(Some(text)) => serde_json::from_str(&text).map_err(ColumnError::invalid),
            other => Err(ColumnError::kind("JSON", &other)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn a_number_beyond_the_type_is_refused_with_the_number() {
        assert_eq!(u8::from_value(Value::from(255)).unwrap(), 255);
        let error = u8::from_value(Value::from(256)).unwrap_err().to_string();
        assert_eq!(error, "256 is beyond the range of u8");
        assert!(u64::from_value(Value::from(-1)).is_err() && i32::from_value(Value::from(i64::MAX)).is_err());
        assert!(usize::from_value(Value::from(3)).is_ok_and(|number| number == 3));
    }

    #[test]
    fn a_boolean_of_sqlite_is_0_or_1_and_nothing_else() {
        assert!(bool::from_value(Value::from(1)).unwrap());
        assert!(!bool::from_value(Value::from(0)).unwrap());
        assert!(bool::from_value(Value::from(2)).is_err());
    }

    #[test]
    fn text_is_read_as_the_kinds_that_sqlite_keeps_as_text() {
        let text = |text: &str| Value::from(text);
        let uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        assert_eq!(Uuid::from_value(text(uuid)).unwrap().to_string(), uuid);
        assert_eq!(Numeric::from_value(text("1.50")).unwrap().as_str(), "1.50");
        assert_eq!(Json::from_value(text("[1]")).unwrap(), serde_json::json!([1]));
        assert!(SystemTime::from_value(text("1970-01-01T00:00:00Z")).is_ok());
        for error in [
            Uuid::from_value(text("x")).unwrap_err(),
            Numeric::from_value(text("x")).unwrap_err(),
            Json::from_value(text("x")).unwrap_err(),
            SystemTime::from_value(text("x")).unwrap_err(),
        ] {
            assert!(matches!(error, ColumnError::Invalid(_)), "{error}");
        }
    }
}
