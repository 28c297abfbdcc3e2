//! Typed rows: the live state of a part.

use std::sync::Arc;

use crate::HistogramSnapshot;

/// Kind of a column, for views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Distinguishes rows; the number of its values is bounded.
    Label,
    /// Distinguishes rows, with values that come from outside or are personal data. A table with one is no metric: it is shown to those who ask for it by name.
    Key,
    /// Counter: only rises while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
    /// A word or sentence that describes the state; no metric.
    State,
    /// One of a few known words; as a metric a series of 1 or 0 for each.
    Words(&'static [&'static str]),
}

/// The unit of a number, in OpenTelemetry's and Prometheus' base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A plain number.
    None,
    /// Seconds.
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
    /// Its name in OpenTelemetry's semantic conventions, where they have one.
    pub convention: Option<&'static str>,
    /// The words that mean that the part does not work as it should.
    pub degraded: &'static [&'static str],
}

impl Column {
    /// Creates a column that distinguishes rows.
    pub const fn label(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Label, unit: Unit::None, help, convention: None, degraded: &[] }
    }

    /// Creates a column that distinguishes rows by values of which there is no end, such as the addresses of clients. Its table is no metric.
    pub const fn key(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Key, unit: Unit::None, help, convention: None, degraded: &[] }
    }

    /// A number that only rises.
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Counter, unit: Unit::None, help, convention: None, degraded: &[] }
    }

    /// A number that goes up and down.
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, unit: Unit::None, help, convention: None, degraded: &[] }
    }

    /// A distribution of durations.
    pub const fn duration(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Histogram, unit: Unit::Seconds, help, convention: None, degraded: &[] }
    }

    /// A word that describes the state.
    pub const fn state(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::State, unit: Unit::None, help, convention: None, degraded: &[] }
    }

    /// A state that is one of these words, such as that of a circuit breaker.
    pub const fn words(name: &'static str, words: &'static [&'static str], help: &'static str) -> Self {
        Self { name, kind: Kind::Words(words), unit: Unit::None, help, convention: None, degraded: &[] }
    }

    /// Returns the column with its name in OpenTelemetry's semantic conventions, such as `http.server.request.duration`, under which it is
    /// exported.
    #[must_use]
    pub const fn convention(mut self, name: &'static str) -> Self {
        self.convention = Some(name);
        self
    }

    /// Returns the column with the words that mean that the part does not work as it should; the health document warns of them.
    #[must_use]
    pub const fn degraded(mut self, words: &'static [&'static str]) -> Self {
        self.degraded = words;
        self
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

impl Table {
    /// Returns false for a table with a [key](Column::key): its rows are neither exported as metrics, nor kept in the history, nor in the whole health
    /// document.
    pub fn is_metric(&self) -> bool {
        self.columns.iter().all(|column| column.kind != Kind::Key)
    }

    /// The texts of a row's labels and keys, in the order of their columns.
    pub fn labels<'r>(&self, row: &'r TableRow) -> impl Iterator<Item = &'r str> + use<'_, 'r> {
        let is_label = |column: &Column| matches!(column.kind, Kind::Label | Kind::Key);
        let labels = self.columns.iter().zip(row).filter(move |(column, _)| is_label(column));
        labels.filter_map(|(_, value)| value.as_text())
    }
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

/// One table's rows at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The shape.
    pub table: &'static Table,
    /// The rows of every source with this table.
    pub rows: Vec<TableRow>,
}

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

    /// Returns the value as a text, when it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
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
