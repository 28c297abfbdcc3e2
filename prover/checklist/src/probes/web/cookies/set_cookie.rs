//! One Set-Cookie header, read as a browser reads it (RFC 6265bis, 5.6).

use crate::clause::Clause;
use crate::clause::web::cookies as clause;

/// The most bytes of a whole header that is still small; browsers drop longer cookies.
const MAX_BYTES: usize = 4096;

/// A cookie as it was set.
#[derive(Debug)]
pub(super) struct SetCookie {
    name: String,
    value: String,
    /// Names in small letters, in order; of an attribute that is repeated the last counts.
    attributes: Vec<(String, String)>,
    bytes: usize,
}

impl SetCookie {
    pub(super) fn parse(header: &str) -> Self {
        let mut parts = header.split(';');
        let pair = parts.next().unwrap_or_default();
        // Without an equals sign all of it is the value of a cookie without a name.
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let attributes = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (name.trim().to_ascii_lowercase(), value.trim().to_owned())
        });
        Self {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            attributes: attributes.collect(),
            bytes: header.len(),
        }
    }

    pub(super) fn name(&self) -> &str {
        if self.name.is_empty() { "without a name" } else { &self.name }
    }

    /// Returns true if it ends at a time of its own.
    pub(super) fn expires(&self) -> bool {
        self.attribute("max-age").is_some() || self.attribute("expires").is_some()
    }

    /// Returns the missing guards, a few words each.
    pub(super) fn faults(&self) -> Vec<(Clause, &'static str)> {
        let mut faults = Vec::new();
        let mut need = |clause: Clause, good: bool, fault: &'static str| {
            if !good {
                faults.push((clause, fault));
            }
        };
        need(clause::SECURE, self.attribute("secure").is_some(), "not Secure");
        need(clause::HTTP_ONLY, self.attribute("httponly").is_some(), "not HttpOnly");
        let same_site = self.attribute("samesite").unwrap_or("");
        let guarded = ["lax", "strict"].iter().any(|value| same_site.eq_ignore_ascii_case(value));
        let missing = if same_site.is_empty() { "no SameSite" } else { "SameSite is neither Lax nor Strict" };
        need(clause::SAME_SITE, guarded, missing);
        need(clause::HOST_SCOPE, self.name.starts_with("__Host-"), "not called __Host-…");
        need(clause::HOST_SCOPE, self.attribute("path") == Some("/"), "Path is not /");
        need(clause::HOST_SCOPE, self.attribute("domain").is_none_or(str::is_empty), "has a Domain");
        need(clause::SMALL, self.bytes <= MAX_BYTES, "longer than 4096 bytes");
        faults
    }

    /// The kind of state that its value holds for everybody to read; none when it is opaque.
    pub(super) fn readable(&self) -> Option<&'static str> {
        let is_object =
            |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).is_ok_and(|json| json.is_object());
        let plain = percent_decoded(self.value.trim_matches('"'));
        if is_object(&plain) {
            return Some("JSON");
        }
        let text = String::from_utf8_lossy(&plain);
        let mut parts = text.split('.');
        let first = parts.next().map(base64_decoded).unwrap_or_default();
        match (is_object(&first), parts.count()) {
            // Five parts are a JWE (RFC 7516), which is encrypted.
            (true, 4) => None,
            (true, 2) => Some("a JWT"),
            (true, _) => Some("JSON in base64"),
            _ => None,
        }
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    url::form_urlencoded::parse(format!("v={}", text.replace('+', "%2B")).as_bytes())
        .next()
        .map(|(_, value)| value.into_owned().into_bytes())
        .unwrap_or_default()
}

/// The bytes that a text in base64 of either alphabet stands for, up to its first other letter.
fn base64_decoded(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let (mut bits, mut held, mut bytes) = (0u32, 0, Vec::new());
    for value in text.bytes().map_while(value) {
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guarded_cookie_has_no_faults_in_any_case() {
        let cookie = SetCookie::parse("__Host-id=a=b; path=/; SECURE; httponly; SameSite=lax; Max-Age=60");
        assert_eq!(cookie.faults(), []);
        assert_eq!(cookie.name(), "__Host-id");
        assert!(cookie.expires());
    }

    #[test]
    fn each_missing_attribute_is_a_fault() {
        for (header, fault) in [
            ("__Host-a=1; Path=/; HttpOnly; SameSite=Lax", "not Secure"),
            ("__Host-a=1; Path=/; Secure; SameSite=Lax", "not HttpOnly"),
            ("__Host-a=1; Path=/; Secure; HttpOnly", "no SameSite"),
            ("__Host-a=1; Path=/; Secure; HttpOnly; SameSite=None", "SameSite is neither Lax nor Strict"),
            ("a=1; Path=/; Secure; HttpOnly; SameSite=Lax", "not called __Host-…"),
            ("__Host-a=1; Secure; HttpOnly; SameSite=Lax", "Path is not /"),
            ("__Host-a=1; Path=/; Domain=example.org; Secure; HttpOnly; SameSite=Lax", "has a Domain"),
        ] {
            let faults: Vec<&str> = SetCookie::parse(header).faults().into_iter().map(|(_, fault)| fault).collect();
            assert_eq!(faults, [fault], "{header}");
        }
    }

    #[test]
    fn a_cookie_that_carries_everything_is_too_long() {
        let long = format!("__Host-a={}; Path=/; Secure; HttpOnly; SameSite=Lax", "x".repeat(MAX_BYTES));
        assert_eq!(SetCookie::parse(&long).faults(), [(clause::SMALL, "longer than 4096 bytes")]);
    }

    #[test]
    fn state_that_everybody_can_read_is_known_and_an_identifier_is_not_taken_for_it() {
        for (value, state) in [
            ("{\"user\":1}", Some("JSON")),
            ("%7B%22user%22%3A1%7D", Some("JSON")),
            ("eyJ1c2VyIjoiYWRhIn0", Some("JSON in base64")),
            ("eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoiYWRhIn0.c2ln", Some("a JWT")),
            ("eyJhbGciOiJkaXIifQ..aXY.Y3Q.dGFn", None),
            ("9f2c7b1e-44aa-4b7e-8a53-0d7a1c6f2b11", None),
            ("abc", None),
        ] {
            assert_eq!(SetCookie::parse(&format!("s={value}; Path=/")).readable(), state, "{value}");
        }
    }
}
