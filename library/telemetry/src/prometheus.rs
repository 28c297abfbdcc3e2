//! The registry as Prometheus metrics, in the format that a scraper asks for.
//!
//! A metric's name is `TABLE_COLUMN`, or where OpenTelemetry's semantic conventions have a name that name with `_` for dots; then the unit
//! (`_seconds`, `_bytes`), and `_total` for counters. A table's label columns are its labels. A state of known words is a series of 0
//! or 1 for each word.

mod accept;
mod chunks;
mod family;
mod open_metrics;
mod protobuf;
mod sample;
mod text_format;

use vitals::Snapshot;

pub use accept::Format;
pub use chunks::{CHUNK, Chunks};

/// The content type of [`text`].
pub const CONTENT_TYPE: &str = Format::Text.content_type();

/// All numbers of the snapshots in the text format 0.0.4.
pub fn text(snapshots: &[Snapshot]) -> String {
    // The format consists of strings alone.
    String::from_utf8(exposition(Format::Text, snapshots)).unwrap_or_default()
}

/// All numbers of the snapshots in a format. [`Chunks`] has the same in parts.
pub fn exposition(format: Format, snapshots: &[Snapshot]) -> Vec<u8> {
    let mut all = Vec::new();
    for chunk in Chunks::new(format, snapshots) {
        all.extend_from_slice(&chunk);
    }
    all
}

#[cfg(test)]
mod tests;
