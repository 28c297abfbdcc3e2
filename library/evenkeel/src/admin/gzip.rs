//! Compression of large answers of the admin listener, for scrapers that accept it.

use std::io::Write;

use axum::http::{HeaderMap, header};
use flate2::Compression;
use flate2::write::GzEncoder;

/// A shorter answer is sent as it is.
pub(crate) const SMALLEST: usize = 16 * 1024;

/// Compresses a body that is large enough, when the request accepts gzip (RFC 9110, 12.5.3); none otherwise.
pub(crate) fn compressed(request: &HeaderMap, body: &[u8]) -> Option<Vec<u8>> {
    if body.len() < SMALLEST || !accepts(request) {
        return None;
    }
    // Most of the gain at a fraction of the time.
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// Returns true when gzip is named with a weight above 0.
fn accepts(request: &HeaderMap) -> bool {
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
    fn a_large_body_is_compressed_for_a_request_that_accepts_gzip() {
        let large = "http_server_requests_total 1\n".repeat(SMALLEST / 16);
        for accept in ["gzip", "br, gzip;q=0.5", "GZIP"] {
            let small = compressed(&request(accept), large.as_bytes()).expect(accept);
            let mut text = String::new();
            flate2::read::GzDecoder::new(&small[..]).read_to_string(&mut text).expect("gzip");
            assert_eq!(text, large);
            assert!(small.len() < large.len() / 4, "{} of {} bytes", small.len(), large.len());
        }
        for accept in ["", "identity", "gzip;q=0", "br", "gzip;q=none"] {
            assert_eq!(compressed(&request(accept), large.as_bytes()), None, "{accept}");
        }
        assert_eq!(compressed(&request("gzip"), b"short"), None);
        assert_eq!(compressed(&HeaderMap::new(), large.as_bytes()), None);
    }
}
