//! Typed rows: the live state of a part.

use std::sync::Arc;

use crate::HistogramSnapshot;

/// Kind of a column, for views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Distinguishes rows; the number of its values is bounded.
    Label,
    /// Counter: only rises while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
    /// A word or sentence that describes the state; no metric.
    State,
}

/// The unit of a number, in OpenTelemetry's and Prometheus' base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A plain number.
    None,
    /// Seconds; histograms record microseconds and views divide.
    Seconds,
    /// Bytes.
    Bytes,
}

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name, snake_case without unit.
    pub name: &'static str,
    /// Kind of the values.
    pub kind: Kind,
    /// Its unit.
    pub unit: Unit,
    /// One sentence.
    pub help: &'static str,
}

impl Column {
    /// Creates a column that distinguishes rows.
    pub const fn label(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Label, unit: Unit::None, help }
    }

    /// A number that only rises.
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Counter, unit: Unit::None, help }
    }

    /// A number that goes up and down.
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, unit: Unit::None, help }
    }

    /// A distribution of durations.
    pub const fn duration(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Histogram, unit: Unit::Seconds, help }
    }

    /// A word that describes the state.
    pub const fn state(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::State, unit: Unit::None, help }
    }

    /// Returns the column in another unit.
    #[must_use]
    pub const fn in_unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }
}

/// A named set of columns: the shape of a source's rows.
#[derive(Debug)]
pub struct Table {
    /// Its name, snake_case; the prefix of its metrics.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Columns, in the order of each row's values.
    pub columns: &'static [Column],
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum TableValue {
    /// A label or state.
    Text(Arc<str>),
    /// A count.
    Count(u64),
    /// A level.
    Level(f64),
    /// Yes or no; a metric shows 1 or 0.
    Flag(bool),
    /// A distribution.
    Distribution(Box<HistogramSnapshot>),
}

/// One row, a value a column.
pub type TableRow = Vec<TableValue>;

/// A part's live state as rows.
///
/// Views call `rows` at any time and from any thread: it must not wait for the part. Keep its values in atomics, or behind a lock that is only
/// ever held for a few instructions.
pub trait Source: Send + Sync {
    /// The shape of the rows.
    fn table(&self) -> &'static Table;

    /// The rows now.
    fn rows(&self) -> Vec<TableRow>;
}

impl TableValue {
    /// A label or state.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// Returns the value as a number, when it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(*count as f64),
            Self::Level(level) => Some(*level),
            Self::Flag(flag) => Some(f64::from(u8::from(*flag))),
            Self::Text(_) | Self::Distribution(_) => None,
        }
    }
}

impl From<u64> for TableValue {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for TableValue {
    fn from(level: f64) -> Self {
        Self::Level(level)
    }
}

impl From<bool> for TableValue {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<HistogramSnapshot> for TableValue {
    fn from(snapshot: HistogramSnapshot) -> Self {
        Self::Distribution(Box::new(snapshot))
    }
}
