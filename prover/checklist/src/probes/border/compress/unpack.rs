//! Unpacks what a service compressed, within a bound.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// Unpacks gzip, at most `most` bytes; `None` if it is no gzip or more than that.
pub(super) fn unpacked(bytes: &[u8], most: u64) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(bytes).take(most + 1).read_to_end(&mut plain).ok()?;
    (plain.len() as u64 <= most).then_some(plain)
}
