//! The answer to a question.

use std::time::Duration;

/// The rows that a statement returned, within the bounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Names of the columns. Two can be equal.
    pub columns: Vec<String>,
    /// The rows, a cell for each column.
    pub rows: Vec<Vec<Cell>>,
    /// The bound that ended it; none when the answer is whole.
    pub cut: Option<Cut>,
    /// The time that it took, without the wait for its turn.
    pub took: Duration,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// Another number.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes; shown in hexadecimal digits.
    Bytes(Vec<u8>),
}

/// The bound that ended an answer. The rows before it are in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cut {
    /// There are more rows than [`MAX_ROWS`](super::MAX_ROWS).
    Rows,
    /// The rows are larger than [`MAX_ANSWER`](super::MAX_ANSWER).
    Bytes,
    /// It took longer than its time.
    Time,
    /// The memory of the process grew by more than [`MAX_MEMORY`](super::MAX_MEMORY).
    Memory,
    /// The tables that it reads have more rows than [`MAX_COPIED`](super::MAX_COPIED): it read the first of them.
    Tables,
}

impl Cut {
    /// Its word: `rows`, `bytes`, `time`, `memory` or `tables`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Bytes => "bytes",
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Tables => "tables",
        }
    }
}

impl Cell {
    /// Returns the number of bytes that it takes as JSON, with the comma behind it.
    pub(super) fn json_size(&self) -> usize {
        match self {
            Self::Null => 5,
            Self::Integer(_) => 21,
            Self::Real(_) => 25,
            Self::Text(text) => {
                let escaped = |byte: u8| match byte {
                    b'"' | b'\\' => 2,
                    0..0x20 => 6,
                    _ => 1,
                };
                3 + text.bytes().map(escaped).sum::<usize>()
            }
            Self::Bytes(bytes) => 3 + 2 * bytes.len(),
        }
    }

    /// Returns it as a text for people: NULL is empty.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Integer(number) => number.to_string(),
            Self::Real(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}
