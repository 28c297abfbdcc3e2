//! Metrics in parts, so that a scrape of many megabytes is never in memory as a whole.

use std::borrow::Borrow;
use std::ops::ControlFlow;

use vitals::{Kind, Snapshot};

use super::accept::Format;
use super::family::{Family, labels_of};
use super::{open_metrics, protobuf, text_format};

/// Bytes from which on a part is returned: the series that passes them is its last one.
pub const CHUNK: usize = 64 * 1024;

/// The parts of all numbers of tables in a format. Each part is made when it is asked for, and each table is asked for when the one before is written.
#[derive(Debug)]
pub struct Chunks<I: Iterator> {
    format: Format,
    tables: I,
    /// The table that is written.
    table: Option<I::Item>,
    /// The next column and row.
    place: (usize, usize),
    /// The labels of the table's rows, as both text formats write them; empty where they are needed once.
    labels: Vec<String>,
    is_at_end: bool,
}

impl<I: Iterator<Item: Borrow<Snapshot>>> Chunks<I> {
    /// The parts of these tables.
    pub fn new(format: Format, tables: impl IntoIterator<IntoIter = I>) -> Self {
        let tables = tables.into_iter();
        Self { format, tables, table: None, place: (0, 0), labels: Vec::new(), is_at_end: false }
    }

    /// Takes the next table; false at the end.
    fn next_table(&mut self) -> bool {
        // The one before goes first: both need not be in memory.
        (self.table, self.labels, self.place) = (None, Vec::new(), (0, 0));
        self.table = self.tables.find(|snapshot| snapshot.borrow().table.is_metric());
        let Some(snapshot) = self.table.as_ref().map(Borrow::borrow) else { return false };
        let metrics = snapshot.table.columns.iter().filter(|column| is_metric(column.kind));
        if self.format != Format::Protobuf && metrics.count() > 1 {
            self.labels = snapshot.rows.iter().map(|row| labels_of(snapshot.table, row)).collect();
        }
        true
    }
}

fn is_metric(kind: Kind) -> bool {
    !matches!(kind, Kind::Label | Kind::Key | Kind::State)
}

impl<I: Iterator<Item: Borrow<Snapshot>>> Iterator for Chunks<I> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.is_at_end {
            return None;
        }
        let mut out = Out { text: String::new(), bytes: Vec::new() };
        loop {
            if let Some(snapshot) = self.table.as_ref().map(Borrow::borrow) {
                let written = out.write_table(self.format, snapshot, &self.labels, &mut self.place);
                if written.is_break() {
                    return Some(out.into_bytes());
                }
            }
            if !self.next_table() {
                break;
            }
        }
        self.is_at_end = true;
        if self.format == Format::OpenMetrics {
            out.text.push_str("# EOF\n");
        }
        let last = out.into_bytes();
        (!last.is_empty()).then_some(last)
    }
}

/// The part that is being written: text, or bytes.
struct Out {
    text: String,
    bytes: Vec<u8>,
}

impl Out {
    fn is_full(&self) -> bool {
        self.text.len().max(self.bytes.len()) >= CHUNK
    }

    fn into_bytes(self) -> Vec<u8> {
        if self.bytes.is_empty() { self.text.into_bytes() } else { self.bytes }
    }

    /// Writes the table from a place on, and moves the place; breaks when the part is full.
    fn write_table(
        &mut self,
        format: Format,
        snapshot: &Snapshot,
        labels: &[String],
        (column, row): &mut (usize, usize),
    ) -> ControlFlow<()> {
        while let Some(shown) = snapshot.table.columns.get(*column).filter(|_| !snapshot.rows.is_empty()) {
            if is_metric(shown.kind) {
                *row = self.write(format, &Family::new(snapshot, *column, labels), *row);
            }
            // A family that is not at its end has filled the part.
            if *row == 0 {
                *column += 1;
            }
            if self.is_full() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Writes the series of a family from a row on, with its head before the first one; returns the row that is next, 0 after the last one.
    fn write(&mut self, format: Format, family: &Family<'_>, from: usize) -> usize {
        if from == 0 {
            match format {
                Format::OpenMetrics => open_metrics::write_head(&mut self.text, family),
                Format::Text => text_format::write_head(&mut self.text, family),
                Format::Protobuf => protobuf::write_head(&mut self.bytes, family),
            }
        }
        for row in from..family.len() {
            if row > from && self.is_full() {
                return row;
            }
            match format {
                Format::OpenMetrics => open_metrics::write(&mut self.text, family, &family.series(row)),
                Format::Text => text_format::write(&mut self.text, family, &family.series(row)),
                Format::Protobuf => protobuf::write(&mut self.bytes, family, row),
            }
        }
        0
    }
}
