//! Content codings of request bodies: refused unless the route declares them.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::Problem;

/// A content coding of request bodies (RFC 9110, 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentCoding {
    /// `gzip`.
    Gzip,
    /// `deflate`: the zlib format.
    Deflate,
    /// `br`.
    Brotli,
}

impl ContentCoding {
    /// The name of the coding.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
        }
    }

    fn of(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Brotli),
            _ => None,
        }
    }
}

/// Returns the coding in which a body comes, when it is one of those that are taken; none where it is not coded.
pub(crate) fn check(headers: &HeaderMap, taken: &[ContentCoding]) -> Result<Option<ContentCoding>, Problem> {
    let values = headers.get_all(header::CONTENT_ENCODING).into_iter().map(|value| value.to_str().unwrap_or("?"));
    let mut codings = values.flat_map(|value| value.split(',')).map(str::trim);
    let mut codings = codings.by_ref().filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"));
    let Some(name) = codings.next() else { return Ok(None) };
    match ContentCoding::of(name).filter(|coding| taken.contains(coding)) {
        Some(coding) if codings.next().is_none() => Ok(Some(coding)),
        _ => Err(refused(taken)),
    }
}

fn refused(taken: &[ContentCoding]) -> Problem {
    let names: Vec<&str> = taken.iter().map(|coding| coding.name()).collect();
    let (detail, accepted) = match names.as_slice() {
        [] => ("a compressed body cannot be used here; send it as it is".to_owned(), "identity".to_owned()),
        names => {
            (format!("send the body as it is, or in one of these codings: {}", names.join(", ")), names.join(", "))
        }
    };
    let accepted = HeaderValue::try_from(accepted).unwrap_or(HeaderValue::from_static("identity"));
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).header(header::ACCEPT_ENCODING, accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_declared_coding_is_taken() {
        let check = |text: &'static str, taken: &[ContentCoding]| {
            let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static(text))]);
            super::check(&headers, taken).map_err(|problem| problem.status().as_u16())
        };
        let gzip = &[ContentCoding::Gzip];
        assert_eq!(check("gzip", gzip), Ok(Some(ContentCoding::Gzip)));
        assert_eq!(check("GZIP", gzip), Ok(Some(ContentCoding::Gzip)));
        assert_eq!(check("identity", &[]), Ok(None));
        for text in ["br", "gzip, gzip", "gzip, br", "zstd", "x"] {
            assert_eq!(check(text, gzip), Err(415), "{text}");
        }
        assert_eq!(check("gzip", &[]), Err(415));
    }
}
