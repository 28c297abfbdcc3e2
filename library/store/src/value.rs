//! The values that statements take.

/// A value of a statement. Each knows its type also when it is null, because PostgreSQL asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// BIGINT.
    Int(Option<i64>),
    /// BOOLEAN.
    Bool(Option<bool>),
    /// TEXT.
    Text(Option<String>),
    /// BYTEA or BLOB.
    Bytes(Option<Vec<u8>>),
    /// DOUBLE PRECISION or REAL. Never for money.
    Float(Option<f64>),
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
    Int from i64, i32, u32, u16, u8;
    Bool from bool;
    Text from String, &str;
    Bytes from Vec<u8>, &[u8];
    Float from f64;
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

/// The values of a statement, in the order of `$1, $2, ...`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        ::std::vec![$($crate::Value::from($value)),*] as ::std::vec::Vec<$crate::Value>
    };
}
