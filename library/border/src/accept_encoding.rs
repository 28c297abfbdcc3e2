//! Negotiation of the content coding of an answer (RFC 9110, 12.5.3).

use axum::http::{HeaderMap, HeaderValue, header};

/// The most codings of a request that are read.
const MAX_CODINGS: usize = 32;
/// Weight of a coding that is named without one, in thousandths.
const FULL: u16 = 1000;

/// Returns true when an answer may be compressed with gzip, and the client does not prefer it as it is.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    let values = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    for coding in values.flat_map(|value| value.split(',')).take(MAX_CODINGS) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = weight(parts);
        match name.as_str() {
            "gzip" | "x-gzip" => gzip = Some(weight),
            "identity" => identity = Some(weight),
            "*" => any = Some(weight),
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0);
    // What is not named is acceptable, and wanted least.
    gzip > 0 && gzip >= identity.unwrap_or(0)
}

/// The weight among the parameters of a coding, in thousandths; a malformed one is 0.
fn weight<'a>(parameters: impl Iterator<Item = &'a str>) -> u16 {
    let mut weights = parameters.filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    match weights.next() {
        None => FULL,
        Some(text) => match text.parse::<f32>() {
            Ok(weight) if (0.0..=1.0).contains(&weight) => (weight * f32::from(FULL)) as u16,
            _ => 0,
        },
    }
}

/// Adds a field name to `Vary`, unless it is there.
pub(crate) fn vary(headers: &mut HeaderMap, name: &'static str) {
    let named = headers.get_all(header::VARY).into_iter().filter_map(|value| value.to_str().ok());
    let mut named = named.flat_map(|value| value.split(',')).map(str::trim);
    if !named.any(|known| known == "*" || known.eq_ignore_ascii_case(name)) {
        headers.append(header::VARY, HeaderValue::from_static(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_where_the_client_accepts_it_and_does_not_prefer_the_plain_answer() {
        let accepts = |text: &'static str| {
            accepts_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(text))]))
        };
        for text in ["gzip", "GZIP", "x-gzip", "br, gzip;q=0.5", "*", "gzip; q=0.001", "identity;q=0, gzip"] {
            assert!(accepts(text), "{text}");
        }
        for text in ["", "br", "gzip;q=0", "*;q=0", "gzip;q=0, *", "identity, gzip;q=0.5", "gzip;q=2", "gzip;q=x"] {
            assert!(!accepts(text), "{text}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_name_is_added_to_vary_once() {
        let mut headers = HeaderMap::new();
        headers.insert(header::VARY, HeaderValue::from_static("Origin, Accept-Encoding"));
        vary(&mut headers, "accept-encoding");
        assert_eq!(headers.get_all(header::VARY).iter().count(), 1);
        vary(&mut headers, "accept");
        assert_eq!(headers.get_all(header::VARY).iter().count(), 2);
    }
}
