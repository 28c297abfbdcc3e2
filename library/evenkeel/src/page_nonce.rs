//! Content Security Policy of a page with scripts or styles of its own: a nonce for each answer.

use std::convert::Infallible;
use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::request::Parts;

/// Bytes of a nonce: 128 bits, as CSP Level 3 asks for.
const NONCE_BYTES: usize = 16;
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A nonce for the inline scripts and styles of one answer: an extractor. Write it into the attribute `nonce` of each of them, and send [`PageNonce::policy`].
///
/// It is random and new for each request, so the page must not be cached: leave `Cache-Control` to the border, which says `no-store`.
///
/// ```
/// use evenkeel::PageNonce;
/// use evenkeel::prelude::*;
///
/// async fn page(nonce: PageNonce) -> impl IntoResponse {
///     let html = format!("<!doctype html><script nonce=\"{nonce}\">document.title = 'ready'</script>");
///     ([("content-security-policy", nonce.policy())], evenkeel::axum::response::Html(html))
/// }
/// # let _: Router = Router::new().route("/", get(page));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PageNonce([u8; 2 * NONCE_BYTES]);

impl PageNonce {
    fn random() -> Self {
        let mut bytes = [0; NONCE_BYTES];
        vitals::fill_entropy(&mut bytes);
        let mut text = [0; 2 * NONCE_BYTES];
        for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Self(text)
    }

    /// The nonce, in hexadecimal digits.
    pub fn as_str(&self) -> &str {
        // They are digits.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Returns the policy of the page: scripts with the nonce and those that they load, styles with the nonce and from the own origin, images, fonts and requests of the own
    /// origin, forms to it; nothing else, no frame around it, and no other base of its links.
    pub fn policy(&self) -> HeaderValue {
        let text = format!(
            "default-src 'none'; script-src 'nonce-{self}' 'strict-dynamic'; style-src 'self' 'nonce-{self}'; img-src 'self'; font-src 'self'; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    }
}

impl fmt::Display for PageNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PageNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PageNonce").field(&self.as_str()).finish()
    }
}

/// The nonce of a request: the same for each extractor of it.
impl<S: Sync> FromRequestParts<S> for PageNonce {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let nonce = parts.extensions.get().copied().unwrap_or_else(Self::random);
        parts.extensions.insert(nonce);
        Ok(nonce)
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;

    use super::*;

    async fn nonces() -> (PageNonce, PageNonce) {
        let (mut parts, ()) = Request::new(()).into_parts();
        let Ok(first) = PageNonce::from_request_parts(&mut parts, &()).await;
        let Ok(second) = PageNonce::from_request_parts(&mut parts, &()).await;
        (first, second)
    }

    #[tokio::test]
    async fn a_request_has_one_nonce_and_another_request_has_another() {
        let (first, second) = nonces().await;
        let (other, _) = nonces().await;
        assert_eq!(first, second);
        assert_ne!(first, other);
        assert!(first.as_str().len() == 32 && first.as_str().bytes().all(|digit| digit.is_ascii_hexdigit()));
    }

    #[tokio::test]
    async fn the_policy_names_the_nonce_and_allows_nothing_unsafe() {
        let (nonce, _) = nonces().await;
        let policy = nonce.policy();
        let policy = policy.to_str().expect("a text");
        assert!(policy.contains(&format!("script-src 'nonce-{nonce}' 'strict-dynamic';")), "{policy}");
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
    }
}
