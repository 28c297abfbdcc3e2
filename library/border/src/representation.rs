//! Representation of an answer: its entity tag, its content coding, and the preconditions of a read.
//!
//! An answer that a cache may keep gets a strong entity tag. It is compressed where the client accepts gzip, unless the answer could carry a secret:
//! the length of a compressed secret beside text of an attacker tells the secret (BREACH). An answer with `no-store`, `private` or a cookie is
//! taken for one that carries a secret.

use std::io::Write;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::accept_encoding::{accepts_gzip, vary};
use crate::entity_tag;
use crate::preconditions::{self, Outcome};
use crate::whole_body::whole;

/// A shorter body is sent as it is: its head is longer, and it would hardly shrink.
const SMALLEST: usize = 1024;
/// A longer body is sent as it is, and gets no tag: to compress it would hold the thread for too long. This one takes a few milliseconds.
const LARGEST: u64 = 256 * 1024;
/// Media types that shrink, beside those of text.
const SHRINKS: [&str; 6] = [
    "application/json",
    "application/javascript",
    "application/xml",
    "application/wasm",
    "image/svg+xml",
    "application/problem+json",
];

/// Representation that a request asks for.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    is_read: bool,
    accepts_gzip: bool,
    conditions: Option<HeaderMap>,
}

impl Wanted {
    /// Reads the headers, where there are some of these.
    pub(crate) fn of(method: &Method, headers: &HeaderMap, has_coding: bool, has_condition: bool) -> Self {
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        Self {
            is_read,
            accepts_gzip: is_read && has_coding && accepts_gzip(headers),
            conditions: (is_read && has_condition).then(|| preconditions::of(headers)),
        }
    }

    /// Chooses the representation of an answer: as it is, compressed, or that the client has it already. `compress` is declared for a route whose
    /// answers carry no secret although they are not public.
    pub(crate) fn represent(&self, response: Response, compress: bool) -> Response {
        if !self.is_read || response.status() != StatusCode::OK {
            return response;
        }
        let storage = Storage::of(response.headers());
        let may_shrink = (storage == Storage::Shared || compress) && shrinks(response.headers());
        if storage == Storage::None && !may_shrink && !has_validator(response.headers()) {
            return response;
        }
        let (mut head, body) = response.into_parts();
        let body = match whole(body, LARGEST) {
            Ok(bytes) => {
                let gzip = may_shrink && bytes.len() >= SMALLEST;
                if storage != Storage::None && !head.headers.contains_key(header::ETAG) {
                    head.headers.insert(header::ETAG, entity_tag::of(&bytes));
                }
                if gzip { self.coded(&mut head.headers, bytes) } else { Body::from(bytes) }
            }
            Err(body) => body,
        };
        self.conditioned(Response::from_parts(head, body))
    }

    /// The body in the coding that the client accepts, with its headers.
    fn coded(&self, headers: &mut HeaderMap, bytes: Bytes) -> Body {
        vary(headers, "accept-encoding");
        let Some(small) = self.accepts_gzip.then(|| compressed(&bytes)).flatten() else { return Body::from(bytes) };
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.remove(header::CONTENT_LENGTH);
        if let Some(tag) = headers.get(header::ETAG) {
            let tag = entity_tag::coded(tag, "gzip");
            headers.insert(header::ETAG, tag);
        }
        Body::from(small)
    }

    /// The answer, or what the preconditions make of it.
    fn conditioned(&self, response: Response) -> Response {
        let Some(conditions) = &self.conditions else { return response };
        match preconditions::evaluate(conditions, response.headers()) {
            Outcome::Answer => response,
            Outcome::Failed => {
                preconditions::failed("the answer is not the one that the request expects; read it again")
                    .into_response()
            }
            Outcome::NotModified => {
                let (mut head, _body) = response.into_parts();
                for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
                    head.headers.remove(name);
                }
                head.status = StatusCode::NOT_MODIFIED;
                Response::from_parts(head, Body::empty())
            }
        }
    }
}

/// Caches that may keep an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Storage {
    /// No cache. An answer without `Cache-Control` gets `no-store` from the border.
    None,
    /// The cache of its client.
    Private,
    /// Every cache: it carries no secret.
    Shared,
}

impl Storage {
    fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::CACHE_CONTROL).into_iter().filter_map(|value| value.to_str().ok());
        let mut directives = values.flat_map(|value| value.split(',')).map(str::trim).peekable();
        if directives.peek().is_none() {
            return Self::None;
        }
        let mut storage = if headers.contains_key(header::SET_COOKIE) { Self::Private } else { Self::Shared };
        for directive in directives {
            let name = directive.split('=').next().unwrap_or_default();
            if name.eq_ignore_ascii_case("no-store") {
                return Self::None;
            }
            if name.eq_ignore_ascii_case("private") {
                storage = Self::Private;
            }
        }
        storage
    }
}

fn has_validator(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ETAG) || headers.contains_key(header::LAST_MODIFIED)
}

/// Returns true for a text that is not compressed yet, and that sets no cookie.
fn shrinks(headers: &HeaderMap) -> bool {
    if [header::CONTENT_ENCODING, header::SET_COOKIE, header::CONTENT_RANGE]
        .iter()
        .any(|name| headers.contains_key(name))
    {
        return false;
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_stream = essence == "text/event-stream";
    !is_stream && (essence.starts_with("text/") || essence.ends_with("+json") || SHRINKS.contains(&essence.as_str()))
}

/// The compressed bytes, where they are fewer.
fn compressed(bytes: &Bytes) -> Option<Vec<u8>> {
    // Most of the gain at a fraction of the time.
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().filter(|small| small.len() < bytes.len())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use http_body_util::BodyExt;

    use super::*;

    const PUBLIC: &str = "public, max-age=60";

    fn text() -> String {
        "a line of the answer\n".repeat(200)
    }

    fn answer(cache: &'static str) -> Response {
        ([(header::CACHE_CONTROL, cache)], text()).into_response()
    }

    fn wanted(fields: &[(header::HeaderName, &str)]) -> Wanted {
        let headers = fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
        Wanted::of(&Method::GET, &headers.collect(), true, true)
    }

    fn gzip() -> Wanted {
        wanted(&[(header::ACCEPT_ENCODING, "gzip")])
    }

    fn is_coded(response: &Response) -> bool {
        response.headers().contains_key(header::CONTENT_ENCODING)
    }

    #[tokio::test]
    async fn a_public_answer_is_compressed_for_a_client_that_accepts_it_and_unpacks_to_itself() {
        let response = gzip().represent(answer(PUBLIC), false);
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(response.headers()[header::VARY], "accept-encoding");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut unpacked).unwrap();
        assert!(unpacked == text() && body.len() < unpacked.len() / 4, "{} bytes", body.len());
    }

    #[test]
    fn an_answer_that_could_be_compressed_varies_and_has_a_tag_for_each_coding() {
        let plain = wanted(&[]).represent(answer(PUBLIC), false);
        assert!(!is_coded(&plain));
        assert_eq!(plain.headers()[header::VARY], "accept-encoding");
        let coded = gzip().represent(answer(PUBLIC), false);
        assert_ne!(plain.headers()[header::ETAG], coded.headers()[header::ETAG]);
    }

    #[test]
    fn an_answer_that_may_carry_a_secret_is_compressed_only_where_that_is_declared_and_never_beside_a_cookie() {
        for cache in ["no-store", "private, max-age=60", "max-age=60, no-store"] {
            assert!(!is_coded(&gzip().represent(answer(cache), false)), "{cache}");
            assert!(is_coded(&gzip().represent(answer(cache), true)), "{cache}");
        }
        assert!(!is_coded(&gzip().represent(text().into_response(), false)), "it gets no-store from the border");
        let mut with_cookie = answer(PUBLIC);
        with_cookie.headers_mut().insert(header::SET_COOKIE, HeaderValue::from_static("a=b"));
        assert!(!is_coded(&gzip().represent(with_cookie, true)));
    }

    #[test]
    fn a_body_that_would_not_shrink_or_is_too_large_is_sent_as_it_is() {
        let of = |kind: &'static str, body: Vec<u8>| {
            ([(header::CACHE_CONTROL, PUBLIC), (header::CONTENT_TYPE, kind)], body).into_response()
        };
        let large = vec![b'x'; LARGEST as usize + 1];
        for (kind, body) in [
            ("image/png", vec![b'x'; 4096]),
            ("text/event-stream", vec![b'x'; 4096]),
            ("text/css", vec![b'x'; SMALLEST - 1]),
            ("text/css", large),
        ] {
            assert!(!is_coded(&gzip().represent(of(kind, body), true)), "{kind}");
        }
        let mut packed = of("text/css", vec![b'x'; 4096]);
        packed.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        assert_eq!(gzip().represent(packed, true).headers()[header::CONTENT_ENCODING], "br");
    }

    #[tokio::test]
    async fn a_client_that_has_the_answer_gets_304_with_its_validator_and_no_body() {
        let first = gzip().represent(answer(PUBLIC), false);
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        let again = wanted(&[(header::ACCEPT_ENCODING, "gzip"), (header::IF_NONE_MATCH, &tag)]);
        let response = again.represent(answer(PUBLIC), false);
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        for name in [header::ETAG, header::CACHE_CONTROL, header::VARY] {
            assert_eq!(response.headers()[&name], first.headers()[&name]);
        }
        assert!(!response.headers().contains_key(header::CONTENT_TYPE));
        assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
        let other = wanted(&[(header::IF_NONE_MATCH, "\"other\"")]).represent(answer(PUBLIC), false);
        assert_eq!(other.status(), StatusCode::OK);
    }

    #[test]
    fn a_tag_of_the_handler_is_kept_also_where_nothing_is_stored() {
        let own = || ([(header::ETAG, "\"v7\"")], "account").into_response();
        assert_eq!(wanted(&[]).represent(own(), false).headers()[header::ETAG], "\"v7\"");
        let known = wanted(&[(header::IF_NONE_MATCH, "\"v7\"")]).represent(own(), false);
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
        let expected = wanted(&[(header::IF_MATCH, "\"v6\"")]).represent(own(), false);
        assert_eq!(expected.status(), StatusCode::PRECONDITION_FAILED);
    }

    #[test]
    fn an_answer_that_no_cache_keeps_gets_no_tag_and_neither_does_a_write_or_an_error() {
        assert!(!gzip().represent(answer("no-store"), false).headers().contains_key(header::ETAG));
        let write = Wanted::of(&Method::POST, &HeaderMap::new(), true, true).represent(answer(PUBLIC), true);
        assert!(!write.headers().contains_key(header::ETAG));
        let error = (StatusCode::NOT_FOUND, answer(PUBLIC)).into_response();
        assert!(!gzip().represent(error, true).headers().contains_key(header::ETAG));
    }
}
