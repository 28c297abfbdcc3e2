//! The headers every answer carries, errors too, unless the handler set its own.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// The id of a request, from its caller and to it.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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

/// The defaults with a place for each header that a common answer has of its own: it is filled in place, and the map does not grow.
struct Template {
    map: HeaderMap,
    /// Whether the answer must have a type and a length of its own.
    with_content: bool,
}

static TEMPLATES: LazyLock<[Template; 2]> = LazyLock::new(|| {
    [false, true].map(|with_content| {
        let mut map = HeaderMap::new();
        map.extend(DEFAULTS.iter().cloned());
        let empty = || HeaderValue::from_static("");
        map.insert(REQUEST_ID, empty());
        if with_content {
            map.insert(header::CONTENT_TYPE, empty());
            map.insert(header::CONTENT_LENGTH, empty());
        }
        Template { map, with_content }
    })
});

/// Adds the defaults that the handler did not set, and the request id. The handler's few headers go into a copy of the defaults, which is
/// cheaper than to find a place for each default among its own.
pub(crate) fn add_defaults(headers: &mut HeaderMap, request_id: HeaderValue) {
    let has_content = headers.contains_key(header::CONTENT_TYPE) && headers.contains_key(header::CONTENT_LENGTH);
    let [without, with] = &*TEMPLATES;
    let template = if has_content { with } else { without };
    debug_assert_eq!(template.with_content, has_content);
    let own = std::mem::replace(headers, template.map.clone());
    // Replaces the default of the same name; a name with several values keeps them all.
    headers.extend(own);
    headers.insert(REQUEST_ID, request_id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_handler_set_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
        add_defaults(&mut headers, HeaderValue::from_static("id"));
        assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=60");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[REQUEST_ID], "id");
    }

    #[test]
    fn no_header_is_made_up_for_an_answer_without_content() {
        for own in [
            &[][..],
            &[header::CONTENT_TYPE],
            &[header::CONTENT_LENGTH],
            &[header::CONTENT_TYPE, header::CONTENT_LENGTH],
        ] {
            let mut headers = HeaderMap::new();
            for name in own {
                headers.insert(name, HeaderValue::from_static("0"));
            }
            add_defaults(&mut headers, HeaderValue::from_static("id"));
            assert_eq!(headers.len(), DEFAULTS.len() + 1 + own.len());
            assert!(headers.values().all(|value| !value.is_empty()), "{headers:?}");
        }
    }

    #[test]
    fn several_values_of_one_name_are_all_kept() {
        let mut headers = HeaderMap::new();
        for value in ["a=1", "b=2", "c=3"] {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(value));
        }
        headers.append(header::CACHE_CONTROL, HeaderValue::from_static("private"));
        headers.append(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
        add_defaults(&mut headers, HeaderValue::from_static("id"));
        let all = |name| headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(all(header::SET_COOKIE), ["a=1", "b=2", "c=3"]);
        assert_eq!(all(header::CACHE_CONTROL), ["private", "max-age=60"]);
    }
}
