//! The headers every answer carries, errors too, unless the handler set its own.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Name and value of each default. OWASP's recommendations for services: nothing is loaded, framed, sniffed, shared or
/// stored unless a handler says otherwise.
static DEFAULTS: [(HeaderName, HeaderValue); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Headers that a common answer has of its own: content type, request id, and two more.
const OWN: usize = 4;

static MAP: LazyLock<HeaderMap> = LazyLock::new(|| {
    let mut map = HeaderMap::with_capacity(DEFAULTS.len() + OWN);
    map.extend(DEFAULTS.iter().cloned());
    map
});

/// Adds what the handler did not set: its few headers go into a copy of the defaults, which is cheaper than to find a
/// place for each default among its own.
pub(crate) fn add_defaults(headers: &mut HeaderMap) {
    let own = std::mem::replace(headers, MAP.clone());
    headers.reserve(own.len() + 1);
    // Replaces the default of the same name; a name with several values keeps them all.
    headers.extend(own);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_handler_set_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
        add_defaults(&mut headers);
        assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=60");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    }

    #[test]
    fn several_values_of_one_name_are_all_kept() {
        let mut headers = HeaderMap::new();
        for value in ["a=1", "b=2", "c=3"] {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(value));
        }
        headers.append(header::CACHE_CONTROL, HeaderValue::from_static("private"));
        headers.append(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
        add_defaults(&mut headers);
        let all = |name| headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(all(header::SET_COOKIE), ["a=1", "b=2", "c=3"]);
        assert_eq!(all(header::CACHE_CONTROL), ["private", "max-age=60"]);
    }
}
