//! One Set-Cookie header, read as a browser reads it (RFC 6265bis, 5.6).

/// The most bytes of a whole header that is still small; browsers drop longer cookies.
const MAX_BYTES: usize = 4096;

/// A cookie as it was set.
#[derive(Debug)]
pub(super) struct SetCookie {
    name: String,
    /// Names in small letters, in order; of an attribute that is repeated the last counts.
    attributes: Vec<(String, String)>,
    bytes: usize,
}

impl SetCookie {
    pub(super) fn parse(header: &str) -> Self {
        let mut parts = header.split(';');
        let pair = parts.next().unwrap_or_default();
        // Without an equals sign all of it is the value of a cookie without a name.
        let (name, _) = pair.split_once('=').unwrap_or(("", pair));
        let attributes = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (name.trim().to_ascii_lowercase(), value.trim().to_owned())
        });
        Self { name: name.trim().to_owned(), attributes: attributes.collect(), bytes: header.len() }
    }

    pub(super) fn name(&self) -> &str {
        if self.name.is_empty() { "without a name" } else { &self.name }
    }

    /// Whether it ends at a time of its own.
    pub(super) fn expires(&self) -> bool {
        self.attribute("max-age").is_some() || self.attribute("expires").is_some()
    }

    /// What it lacks, a few words each.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut need = |good: bool, fault: &str| {
            if !good {
                faults.push(fault.to_owned());
            }
        };
        need(self.attribute("secure").is_some(), "not Secure");
        need(self.attribute("httponly").is_some(), "not HttpOnly");
        let same_site = self.attribute("samesite").unwrap_or("");
        let guarded = ["lax", "strict"].iter().any(|value| same_site.eq_ignore_ascii_case(value));
        need(guarded, if same_site.is_empty() { "no SameSite" } else { "SameSite is neither Lax nor Strict" });
        need(self.name.starts_with("__Host-"), "not called __Host-…");
        need(self.attribute("path") == Some("/"), "Path is not /");
        need(self.attribute("domain").is_none_or(str::is_empty), "has a Domain");
        need(self.bytes <= MAX_BYTES, "longer than 4096 bytes");
        faults
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guarded_cookie_has_no_faults_in_whatever_case() {
        let cookie = SetCookie::parse("__Host-id=a=b; path=/; SECURE; httponly; SameSite=lax; Max-Age=60");
        assert_eq!(cookie.faults(), Vec::<String>::new());
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
            assert_eq!(SetCookie::parse(header).faults(), [fault], "{header}");
        }
    }

    #[test]
    fn a_cookie_that_carries_everything_is_too_long() {
        let long = format!("__Host-a={}; Path=/; Secure; HttpOnly; SameSite=Lax", "x".repeat(MAX_BYTES));
        assert_eq!(SetCookie::parse(&long).faults(), ["longer than 4096 bytes"]);
    }
}
