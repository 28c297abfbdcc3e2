//! Compression of large answers of the admin listener, for scrapers that accept it.

use std::io::Write;

use axum::http::{HeaderMap, header};
use flate2::Compression;
use flate2::write::GzEncoder;

/// A shorter answer is sent as it is.
pub(crate) const SMALLEST: usize = 16 * 1024;

/// The parts of a body, compressed one after another.
pub(crate) struct Compressed<P> {
    parts: P,
    /// None behind the last part.
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl<P: Iterator<Item = Vec<u8>>> Compressed<P> {
    /// Compresses these parts.
    pub(crate) fn new(parts: P) -> Self {
        // Most of the gain at a fraction of the time.
        Self { parts, encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())) }
    }
}

impl<P: Iterator<Item = Vec<u8>>> Iterator for Compressed<P> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut encoder = self.encoder.take()?;
        for part in self.parts.by_ref() {
            // Writing to a vector does not fail.
            encoder.write_all(&part).ok()?;
            if !encoder.get_ref().is_empty() {
                let compressed = std::mem::take(encoder.get_mut());
                self.encoder = Some(encoder);
                return Some(compressed);
            }
        }
        encoder.finish().ok()
    }
}

/// Returns true when a request names gzip with a weight above 0 (RFC 9110, 12.5.3).
pub(crate) fn accepts(request: &HeaderMap) -> bool {
    let values = request.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| matches!(name.to_ascii_lowercase().as_str(), "gzip" | "x-gzip"));
        let weight = parts.find_map(|parameter| parameter.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>);
        is_gzip && weight.is_ok_and(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn request(accept: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, accept.parse().expect("a header"))])
    }

    #[test]
    fn gzip_is_accepted_where_it_is_named_with_a_weight_above_zero() {
        for accept in ["gzip", "br, gzip;q=0.5", "GZIP"] {
            assert!(accepts(&request(accept)), "{accept}");
        }
        for accept in ["", "identity", "gzip;q=0", "br", "gzip;q=none"] {
            assert!(!accepts(&request(accept)), "{accept}");
        }
        assert!(!accepts(&HeaderMap::new()));
    }

    #[test]
    fn compressed_parts_are_one_stream_without_loss() {
        let parts: Vec<Vec<u8>> =
            (0..40).map(|n: u32| format!("http_server_requests_total {n}\n").repeat(2_000).into_bytes()).collect();
        let compressed: Vec<Vec<u8>> = Compressed::new(parts.clone().into_iter()).collect();
        assert!(compressed.len() > 1, "it comes in parts");
        let (small, large) = (compressed.concat(), parts.concat());
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(&small[..]).read_to_end(&mut text).expect("gzip");
        assert_eq!(text, large);
        assert!(small.len() < large.len() / 4, "{} of {} bytes", small.len(), large.len());
    }
}
