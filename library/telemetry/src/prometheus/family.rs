//! Metric families: the columns of tables as all formats show them.

use std::borrow::Cow;

use vitals::{Column, HistogramSnapshot, Kind, Snapshot, Table, TableRow, TableValue, Unit};

/// One column with the rows of its table.
pub(super) struct Family<'s> {
    /// Its name with the unit, without `_total`.
    pub(super) name: String,
    pub(super) column: &'s Column,
    index: usize,
    table: &'static Table,
    rows: &'s [TableRow],
    labels: &'s [String],
}

/// One row of a family.
pub(super) struct Series<'s> {
    /// The labels as both text formats write them, without braces.
    pub(super) labels: Cow<'s, str>,
    pub(super) value: Value<'s>,
}

pub(super) enum Value<'s> {
    Number(f64),
    Histogram(&'s HistogramSnapshot),
    /// The present word, and all words.
    Words(&'s str, &'static [&'static str]),
}

impl<'s> Family<'s> {
    /// The family of a table's column, with the labels of each row where they are made already.
    pub(super) fn new(snapshot: &'s Snapshot, index: usize, labels: &'s [String]) -> Self {
        let (table, column) = (snapshot.table, &snapshot.table.columns[index]);
        Self { name: metric_name(table, column), column, index, table, rows: &snapshot.rows, labels }
    }
}

impl Family<'_> {
    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The series of a row.
    pub(super) fn series(&self, row: usize) -> Series<'_> {
        let labels = self.labels.get(row).map(|labels| Cow::Borrowed(labels.as_str()));
        let labels = labels.unwrap_or_else(|| Cow::Owned(labels_of(self.table, &self.rows[row])));
        Series { labels, value: self.value_of(row) }
    }

    /// The value of a row.
    pub(super) fn value_of(&self, row: usize) -> Value<'_> {
        self.value(&self.rows[row][self.index])
    }

    fn value<'v>(&self, value: &'v TableValue) -> Value<'v> {
        match (value, self.column.kind) {
            (TableValue::Distribution(histogram), _) => Value::Histogram(histogram),
            (TableValue::Text(word), Kind::Words(words)) => Value::Words(word, words),
            (value, _) => Value::Number(value.number().unwrap_or(f64::NAN)),
        }
    }

    /// Names and texts of a row's labels.
    pub(super) fn labels(&self, row: usize) -> impl Iterator<Item = (&'static str, &str)> {
        let labels = self.table.columns.iter().zip(&self.rows[row]).filter(|(column, _)| column.kind == Kind::Label);
        labels.filter_map(|(column, value)| Some((column.name, value.as_text()?)))
    }

    /// The type in both text formats.
    pub(super) fn kind(&self) -> &'static str {
        match self.column.kind {
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
            Kind::Gauge | Kind::Words(_) | Kind::Label | Kind::Key | Kind::State => "gauge",
        }
    }

    /// The unit as the name has it.
    pub(super) fn unit(&self) -> &'static str {
        unit(self.column.unit)
    }

    /// `_total` for counters.
    pub(super) fn suffix(&self) -> &'static str {
        if self.column.kind == Kind::Counter { "_total" } else { "" }
    }
}

fn metric_name(table: &Table, column: &Column) -> String {
    let name = match column.convention {
        Some(name) => name.replace('.', "_"),
        None => format!("{}_{}", table.name, column.name),
    };
    match unit(column.unit) {
        "" => name,
        unit => format!("{name}_{unit}"),
    }
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::None => "",
        Unit::Seconds => "seconds",
        Unit::Bytes => "bytes",
    }
}

/// The labels of a row as both text formats write them, without braces.
pub(super) fn labels_of(table: &Table, row: &TableRow) -> String {
    let mut labels = String::new();
    for (column, value) in table.columns.iter().zip(row).filter(|(column, _)| column.kind == Kind::Label) {
        let Some(text) = value.as_text() else { continue };
        if !labels.is_empty() {
            labels.push(',');
        }
        labels.push_str(column.name);
        labels.push_str("=\"");
        labels.push_str(&escaped(text));
        labels.push('"');
    }
    labels
}

/// A label's text or a help text, with backslashes, quotes and line ends escaped.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if text.contains(['\\', '"', '\n']) {
        text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").into()
    } else {
        text.into()
    }
}
