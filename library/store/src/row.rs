//! Rows of a query, read by column name and type.

mod from_value;

use std::sync::Arc;

pub use from_value::{ColumnError, FromValue};

use crate::checksum::checksum;
use crate::{StoreError, Value};

/// The names of a result's columns, shared by its rows.
pub(crate) type Columns = Arc<[String]>;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    columns: Columns,
    values: Vec<Value>,
}

/// A type that a whole row can be read as: [`Transaction::fetch_all_as`](crate::Transaction::fetch_all_as) and its siblings.
///
/// Tuples are read by position. [`from_row!`](crate::from_row) implements it for a struct by the names of its fields.
pub trait FromRow: Sized {
    /// Reads a row.
    ///
    /// # Errors
    /// [`StoreError::Column`] naming the column that cannot be read.
    fn from_row(row: &Row) -> Result<Self, StoreError>;
}

impl Row {
    pub(crate) fn new(columns: &Columns, values: Vec<Value>) -> Self {
        debug_assert_eq!(columns.len(), values.len(), "each column has a value");
        Self { columns: columns.clone(), values }
    }

    /// Reads a column. Of several with the same name it is the first.
    ///
    /// # Errors
    /// [`StoreError::Column`] when there is no column of this name, or it holds another type.
    pub fn get<T: FromValue>(&self, name: &str) -> Result<T, StoreError> {
        let index = self.columns.iter().position(|column| column == name);
        let index = index.ok_or_else(|| StoreError::Column { column: name.to_owned(), cause: ColumnError::Missing })?;
        self.at(index)
    }

    /// Moves a column out of the row, without a copy; null is left in its place.
    ///
    /// # Errors
    /// [`StoreError::Column`] when there is no column of this name, or it holds another type.
    pub fn take<T: FromValue>(&mut self, name: &str) -> Result<T, StoreError> {
        let index = self.columns.iter().position(|column| column == name);
        let place = index.and_then(|index| self.values.get_mut(index));
        let value = place.map(|value| std::mem::replace(value, Value::Int(None))).ok_or(ColumnError::Missing);
        value.and_then(T::from_value).map_err(|cause| StoreError::Column { column: name.to_owned(), cause })
    }

    /// Reads a column by its position, from 0.
    ///
    /// # Errors
    /// [`StoreError::Column`] when there are fewer columns, or it holds another type.
    pub fn at<T: FromValue>(&self, index: usize) -> Result<T, StoreError> {
        let value = self.values.get(index).cloned().ok_or(ColumnError::Missing);
        value.and_then(T::from_value).map_err(|cause| {
            let column = self.columns.get(index).map_or_else(|| format!("number {index}"), String::clone);
            StoreError::Column { column, cause }
        })
    }

    /// Returns whether the last column is the [`checksum`](crate::checksum) of those before it; true where it is null, as for a row that was written before there
    /// were checksums.
    ///
    /// # Errors
    /// [`StoreError::Column`] when the last column is no integer.
    pub fn is_as_written(&self) -> Result<bool, StoreError> {
        let Some(last) = self.values.len().checked_sub(1) else { return Ok(true) };
        let written = self.at::<Option<i64>>(last)?;
        Ok(written.is_none_or(|written| checksum(&self.values[..last]) == written))
    }

    /// The names of the columns, in their order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(String::as_str)
    }
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),+))+) => {$(
        impl<$($name: FromValue),+> FromRow for ($($name,)+) {
            fn from_row(row: &Row) -> Result<Self, StoreError> {
                Ok(($(row.at::<$name>($index)?,)+))
            }
        }
    )+};
}

tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}

/// Implements [`FromRow`] for a struct whose fields have the names of the columns.
///
/// ```
/// # use evenkeel_store::from_row;
/// struct Note { id: i64, text: Option<String> }
/// from_row!(Note { id, text });
/// ```
#[macro_export]
macro_rules! from_row {
    ($type:ty { $($field:ident),+ $(,)? }) => {
        impl $crate::FromRow for $type {
            fn from_row(row: &$crate::Row) -> ::core::result::Result<Self, $crate::StoreError> {
                ::core::result::Result::Ok(Self { $($field: row.get(::core::stringify!($field))?),+ })
            }
        }
    };
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    fn row() -> Row {
        let columns: Columns = ["id", "text", "id"].map(String::from).into();
        Row::new(&columns, crate::args![7, None::<&str>, 8])
    }

    #[derive(Debug, PartialEq)]
    struct Note {
        id: u32,
        text: Option<String>,
    }
    from_row!(Note { id, text });

    #[test]
    fn a_row_is_read_as_a_struct_by_name_and_as_a_tuple_by_position() {
        assert_eq!(Note::from_row(&row()).unwrap(), Note { id: 7, text: None });
        assert_eq!(<(i64, Option<String>, i64)>::from_row(&row()).unwrap(), (7, None, 8));
        assert_eq!(row().columns().collect::<Vec<_>>(), ["id", "text", "id"]);
    }

    #[test]
    fn a_list_is_moved_out_of_a_row_once() {
        let columns: Columns = ["numbers", "texts"].map(String::from).into();
        let mut row = Row::new(&columns, crate::args![vec![1_i64, 2], vec!["a".to_owned()]]);
        assert_eq!(row.take::<Vec<i64>>("numbers").unwrap(), [1, 2]);
        assert_eq!(row.take::<Vec<String>>("texts").unwrap(), ["a"]);
        let error = row.take::<Vec<i64>>("numbers").unwrap_err().to_string();
        assert_eq!(error, "column numbers: it holds null, not a list of integers");
    }

    #[test]
    fn a_column_that_cannot_be_read_is_named() {
        let error = row().get::<i64>("nothing").unwrap_err().to_string();
        assert_eq!(error, "column nothing: the statement returns no such column");
        let error = row().get::<String>("text").unwrap_err().to_string();
        assert_eq!(error, "column text: it holds null, not text");
        let error = <(i64, Option<String>, i64, i64)>::from_row(&row()).unwrap_err().to_string();
        assert_eq!(error, "column number 3: the statement returns no such column");
    }
}
