//! `/.well-known/security.txt` (RFC 9116): the address to which people report a weakness.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::routing::get;

use crate::failed::Failed;

pub(crate) const PATH: &str = "/.well-known/security.txt";
const CACHED_A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");
/// Schemes that a contact can have.
const SCHEMES: [&str; 3] = ["mailto:", "https://", "tel:"];

/// A contact for reports of weaknesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SecurityTxt {
    pub(crate) contact: &'static str,
    pub(crate) expires: &'static str,
}

impl SecurityTxt {
    fn check(self) -> Result<Self, Failed> {
        let wrong = |reason: String| Err(Failed::SecurityContact { reason });
        if !SCHEMES.iter().any(|scheme| self.contact.starts_with(scheme)) || self.contact.contains(['\n', '\r']) {
            return wrong(format!("{:?} is no contact; write it as \"mailto:security@example.com\"", self.contact));
        }
        let parts: Vec<Option<u32>> = self.expires.split('-').map(|part| part.parse().ok()).collect();
        match parts[..] {
            [Some(1970..=9999), Some(1..=12), Some(1..=31)] if self.expires.len() == 10 => Ok(self),
            _ => wrong(format!("{:?} is no date; write it as \"2027-01-31\"", self.expires)),
        }
    }

    fn text(self) -> String {
        format!("Contact: {}\nExpires: {}T00:00:00Z\n", self.contact, self.expires)
    }

    /// The route.
    pub(crate) fn routes(self) -> Result<Router, Failed> {
        let text = self.check()?.text();
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))];
        let route = get(async move || (kind, [(header::CACHE_CONTROL, CACHED_A_DAY)], text.clone()));
        Ok(Router::new().route(PATH, route))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_a_uri_with_a_date() {
        let check = |contact, expires| SecurityTxt { contact, expires }.check().map_err(|error| error.to_string());
        let good = check("mailto:security@example.com", "2027-11-01").expect("it is one");
        assert_eq!(good.text(), "Contact: mailto:security@example.com\nExpires: 2027-11-01T00:00:00Z\n");
        for (contact, expires, word) in [
            ("security@example.com", "2027-11-01", "mailto:"),
            ("mailto:a\nContact: b", "2027-11-01", "no contact"),
            ("https://example.com", "2027-13-01", "no date"),
            ("https://example.com", "next year", "2027-01-31"),
        ] {
            let message = check(contact, expires).expect_err(contact);
            assert!(message.contains(word), "{message}");
        }
    }
}
