//! Default response headers (security headers), on errors too, unless the handler sets its own.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// The id of a request, from its caller and to it.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Name and value of each default. OWASP's recommendations for services: nothing is loaded, framed, sniffed, shared or
/// stored unless a handler says otherwise.
pub(crate) static DEFAULTS: [(HeaderName, HeaderValue); 8] = [
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

/// Headers by which a handler tells some shared caches alone what they may keep; those caches then ignore `Cache-Control` (RFC 9213).
const TARGETED: [HeaderName; 2] =
    [HeaderName::from_static("cdn-cache-control"), HeaderName::from_static("surrogate-control")];

/// The defaults, with a place for each header that nearly every answer has: it is filled in place, and the map does not grow.
static TEMPLATE: LazyLock<HeaderMap> = LazyLock::new(|| {
    let mut map = HeaderMap::new();
    map.extend(DEFAULTS.iter().cloned());
    for name in [REQUEST_ID, header::CONTENT_TYPE, header::CONTENT_LENGTH] {
        map.insert(name, HeaderValue::from_static(""));
    }
    map
});

/// Adds the defaults that the handler did not set, the request id, and the length of the body where that is known. The handler's few headers
/// go into a copy of the defaults, which is cheaper than to find a place for each default among its own.
///
/// No cache may keep an answer that sets a cookie, although the handler may allow it: it would give the cookie of one person to the next.
pub(crate) fn add_defaults(headers: &mut HeaderMap, request_id: HeaderValue, length: Option<u64>) {
    let own = std::mem::replace(headers, TEMPLATE.clone());
    let (mut has_type, mut has_length, mut has_cookie, mut last) = (false, false, false, None);
    for (name, value) in own {
        if let Some(name) = name {
            has_type |= name == header::CONTENT_TYPE;
            has_length |= name == header::CONTENT_LENGTH;
            has_cookie |= name == header::SET_COOKIE;
            headers.insert(name.clone(), value);
            last = Some(name);
        } else if let Some(name) = &last {
            // A further value of the same name.
            headers.append(name, value);
        }
    }
    headers.insert(REQUEST_ID, request_id);
    if has_cookie {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for name in TARGETED {
            headers.remove(name);
        }
    }
    if !has_type {
        headers.remove(header::CONTENT_TYPE);
    }
    match length {
        _ if has_length => {}
        Some(length) => drop(headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length))),
        None => drop(headers.remove(header::CONTENT_LENGTH)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cache_may_keep_an_answer_that_sets_a_cookie() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
        headers.insert("cdn-cache-control", HeaderValue::from_static("max-age=60"));
        headers.insert(header::SET_COOKIE, HeaderValue::from_static("session=1"));
        add_defaults(&mut headers, HeaderValue::from_static("id"), None);
        assert_eq!(headers.get_all(header::CACHE_CONTROL).iter().collect::<Vec<_>>(), ["no-store"]);
        assert!(!headers.contains_key("cdn-cache-control"));
        assert_eq!(headers[header::SET_COOKIE], "session=1");
    }

    #[test]
    fn headers_set_by_the_handler_are_kept() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
        add_defaults(&mut headers, HeaderValue::from_static("id"), None);
        assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=60");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[REQUEST_ID], "id");
    }

    #[test]
    fn type_and_length_are_the_handlers_and_the_length_is_added_where_it_is_known() {
        let names = [header::CONTENT_TYPE, header::CONTENT_LENGTH];
        for (own, length) in [(0, None), (0, Some(7)), (1, None), (1, Some(7)), (2, None), (2, Some(7))] {
            let mut headers = HeaderMap::new();
            for name in &names[..own] {
                headers.insert(name, HeaderValue::from_static("5"));
            }
            add_defaults(&mut headers, HeaderValue::from_static("id"), length);
            let own_length = (own == 2).then_some("5");
            let expected = own_length.or(length.map(|_| "7"));
            let shown = headers.get(header::CONTENT_LENGTH).map(|value| value.to_str().unwrap());
            assert_eq!(shown, expected, "{own} {length:?}");
            assert_eq!(headers.contains_key(header::CONTENT_TYPE), own > 0);
            assert!(headers.values().all(|value| !value.is_empty()), "{headers:?}");
        }
    }

    #[test]
    fn several_values_of_one_name_are_all_kept() {
        let mut headers = HeaderMap::new();
        for value in ["a=1", "b=2", "c=3"] {
            headers.append(header::LINK, HeaderValue::from_static(value));
        }
        headers.append(header::CACHE_CONTROL, HeaderValue::from_static("private"));
        headers.append(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
        add_defaults(&mut headers, HeaderValue::from_static("id"), None);
        let all = |name| headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(all(header::LINK), ["a=1", "b=2", "c=3"]);
        assert_eq!(all(header::CACHE_CONTROL), ["private", "max-age=60"]);
    }
}
