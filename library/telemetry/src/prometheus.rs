//! The registry as Prometheus metrics, in the format that a scraper asks for.
//!
//! A metric's name is `TABLE_COLUMN`, or where OpenTelemetry's semantic conventions have a name that name with `_` for dots; then the unit
//! (`_seconds`, `_bytes`), and `_total` for counters. A table's label columns are its labels. A state of known words is a series of 0
//! or 1 for each word.

mod accept;
mod family;
mod open_metrics;
mod protobuf;
mod sample;
mod text_format;

use vitals::Snapshot;

pub use accept::Format;
use family::families;

/// The content type of [`text`].
pub const CONTENT_TYPE: &str = Format::Text.content_type();

/// All numbers of the snapshots in the text format 0.0.4.
pub fn text(snapshots: &[Snapshot]) -> String {
    let mut out = String::with_capacity(4096);
    for family in snapshots.iter().flat_map(families) {
        text_format::write(&mut out, &family);
    }
    out
}

/// All numbers of the snapshots in a format.
pub fn exposition(format: Format, snapshots: &[Snapshot]) -> Vec<u8> {
    match format {
        Format::Text => text(snapshots).into_bytes(),
        Format::OpenMetrics => {
            let mut out = String::with_capacity(4096);
            for family in snapshots.iter().flat_map(families) {
                open_metrics::write(&mut out, &family);
            }
            out.push_str("# EOF\n");
            out.into_bytes()
        }
        Format::Protobuf => {
            let mut out = Vec::with_capacity(4096);
            for family in snapshots.iter().flat_map(families) {
                protobuf::write(&mut out, &family);
            }
            out
        }
    }
}

#[cfg(test)]
mod tests;
