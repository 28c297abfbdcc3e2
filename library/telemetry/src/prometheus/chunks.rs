//! Metrics in parts, so that a scrape of many megabytes is never in memory as a whole.

use std::borrow::Borrow;

use vitals::{Kind, Snapshot};

use super::accept::Format;
use super::family::{Family, labels_of};
use super::{open_metrics, protobuf, text_format};

/// Bytes from which on a part is returned: the series that passes them is its last one. A family in protobuf is one part of any size, as its
/// length comes first.
pub const CHUNK: usize = 64 * 1024;

/// The parts of all numbers of snapshots in a format. Each is made when it is asked for.
#[derive(Debug)]
pub struct Chunks<S> {
    format: Format,
    snapshots: S,
    /// The next table, column and row.
    place: (usize, usize, usize),
    /// The labels of the table's rows, as both text formats write them.
    labels: Vec<String>,
    is_at_end: bool,
}

impl<S: Borrow<[Snapshot]>> Chunks<S> {
    /// The parts of these snapshots.
    pub fn new(format: Format, snapshots: S) -> Self {
        Self { format, snapshots, place: (0, 0, 0), labels: Vec::new(), is_at_end: false }
    }
}

impl<S: Borrow<[Snapshot]>> Iterator for Chunks<S> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.is_at_end {
            return None;
        }
        let mut out = Out { text: String::new(), bytes: Vec::new() };
        let (mut table, mut column, mut row) = self.place;
        while let Some(snapshot) = self.snapshots.borrow().get(table) {
            if column == 0 && row == 0 {
                self.labels.clear();
                self.labels.extend(snapshot.rows.iter().map(|row| labels_of(snapshot.table, row)));
            }
            let is_metric = |kind: Kind| !matches!(kind, Kind::Label | Kind::State);
            let columns = snapshot.table.columns;
            while let Some(shown) = columns.get(column).filter(|_| !snapshot.rows.is_empty()) {
                if is_metric(shown.kind) {
                    let family = Family::new(snapshot, column, &self.labels);
                    row = out.write(self.format, &family, row);
                }
                // A family that is not at its end has filled the part.
                if row == 0 {
                    column += 1;
                }
                if out.is_full() {
                    self.place = (table, column, row);
                    return Some(out.into_bytes());
                }
            }
            (table, column) = (table + 1, 0);
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

    /// Writes the series of a family from a row on, with its head before the first one; returns the row that is next, 0 after the last one.
    fn write(&mut self, format: Format, family: &Family<'_>, from: usize) -> usize {
        if format == Format::Protobuf {
            protobuf::write(&mut self.bytes, family);
            return 0;
        }
        if from == 0 {
            match format {
                Format::OpenMetrics => open_metrics::write_head(&mut self.text, family),
                _ => text_format::write_head(&mut self.text, family),
            }
        }
        for (row, series) in family.series().enumerate().skip(from) {
            if row > from && self.is_full() {
                return row;
            }
            match format {
                Format::OpenMetrics => open_metrics::write(&mut self.text, family, &series),
                _ => text_format::write(&mut self.text, family, &series),
            }
        }
        0
    }
}
