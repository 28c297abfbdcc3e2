//! Refusal of cross-site requests that change state (CSRF), by Fetch Metadata and Origin.
//!
//! A browser says of each request whether a page of the same origin sent it (`Sec-Fetch-Site`), and of an unsafe one the origin of that page. Neither can be set by a
//! page. The rules are those of Go's `CrossOriginProtection`, with three that are stricter: a page of the same site and another origin is refused, the scheme counts where
//! it is known, and over TLS a cookie alone is no evidence.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};

use crate::Problem;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Scheme in which the client reached the service, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// The connection is one of TLS, or a trusted proxy says so.
    Https,
    /// A trusted proxy says so.
    Http,
    /// A plain connection: a proxy that is not declared may be in front.
    Unknown,
}

impl Scheme {
    /// The scheme that a trusted proxy names.
    pub(crate) fn of_proxy(headers: &HeaderMap) -> Self {
        match only(headers, &X_FORWARDED_PROTO) {
            Ok(Some("https")) => Self::Https,
            Ok(Some("http")) => Self::Http,
            _ => Self::Unknown,
        }
    }
}

/// Refuses an unsafe request with evidence that a page of another origin sent it.
pub(crate) fn check(head: &Parts, scheme: Scheme, trusted: &[String]) -> Result<(), Problem> {
    // A request of a browser without a body of its own changes nothing.
    if matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let headers = &head.headers;
    let (Ok(site), Ok(origin)) = (only(headers, &SEC_FETCH_SITE), only(headers, &header::ORIGIN)) else {
        return Err(refusal("Sec-Fetch-Site or Origin is there twice or cannot be read"));
    };
    if origin.is_some_and(|origin| trusted.iter().any(|known| known == origin)) {
        return Ok(());
    }
    match (site, origin) {
        (Some("same-origin" | "none"), _) => Ok(()),
        (Some(_), _) => Err(refusal("a page of another origin sent it")),
        (None, Some(origin)) => {
            let host = head.uri.authority().map(|authority| authority.as_str());
            let host = host.or_else(|| headers.get(header::HOST).and_then(|host| host.to_str().ok()));
            match host.is_some_and(|host| is_own(origin, host, scheme)) {
                true => Ok(()),
                false => Err(refusal("its Origin is another one")),
            }
        }
        // Every browser of the last years says more over TLS; a client that is none has no cookie.
        (None, None) if scheme == Scheme::Https && headers.contains_key(header::COOKIE) => {
            Err(refusal("it has a cookie, and neither Sec-Fetch-Site nor Origin"))
        }
        (None, None) => Ok(()),
    }
}

fn refusal(reason: &str) -> Problem {
    let detail = format!("a request that changes state must come from a page of this service: {reason}");
    Problem::new(StatusCode::FORBIDDEN, detail).kind("/problems/cross-site")
}

/// The one value of a header; none when it is not there.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(drop),
        (Some(_), Some(_)) => Err(()),
    }
}

/// Returns true for the origin of the service itself, which the client named in Host.
fn is_own(origin: &str, host: &str, scheme: Scheme) -> bool {
    let Some((named, authority)) = origin.split_once("://") else { return false };
    let port = match (named, scheme) {
        ("https", Scheme::Https | Scheme::Unknown) => ":443",
        ("http", Scheme::Http | Scheme::Unknown) => ":80",
        _ => return false,
    };
    let bare = |text: &str| text.strip_suffix(port).unwrap_or(text).to_ascii_lowercase();
    bare(authority) == bare(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(method: &str, scheme: Scheme, headers: &[(&str, &str)]) -> bool {
        let mut request = axum::http::Request::builder().method(method).uri("/").header("host", "shop.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        check(&head, scheme, &["https://partner.example".to_owned()]).is_err()
    }

    const OWN: (&str, &str) = ("origin", "https://shop.example");
    const FOREIGN: (&str, &str) = ("origin", "https://evil.example");
    const COOKIE: (&str, &str) = ("cookie", "__Host-session=x");

    #[test]
    fn fetch_metadata_decides_where_it_is_there() {
        for (site, refused) in
            [("same-origin", false), ("none", false), ("same-site", true), ("cross-site", true), ("bogus", true)]
        {
            for rest in [&[][..], &[OWN], &[COOKIE]] {
                let headers: Vec<_> = [("sec-fetch-site", site)].into_iter().chain(rest.iter().copied()).collect();
                assert_eq!(is_refused("POST", Scheme::Https, &headers), refused, "{headers:?}");
            }
        }
        assert!(is_refused(
            "POST",
            Scheme::Https,
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")]
        ));
        assert!(!is_refused(
            "POST",
            Scheme::Https,
            &[("sec-fetch-site", "cross-site"), ("origin", "https://partner.example")]
        ));
    }

    #[test]
    fn without_it_the_origin_must_be_the_services_own_with_its_scheme() {
        for (origin, scheme, refused) in [
            ("https://shop.example", Scheme::Https, false),
            ("https://SHOP.example:443", Scheme::Https, false),
            ("http://shop.example", Scheme::Https, true),
            ("http://shop.example", Scheme::Http, false),
            ("https://shop.example", Scheme::Http, true),
            ("http://shop.example", Scheme::Unknown, false),
            ("https://shop.example", Scheme::Unknown, false),
            ("https://shop.example:8443", Scheme::Unknown, true),
            ("https://shop.example.evil.example", Scheme::Https, true),
            ("https://evil.example", Scheme::Https, true),
            ("https://partner.example", Scheme::Https, false),
            ("http://partner.example", Scheme::Https, true),
            ("null", Scheme::Unknown, true),
            ("", Scheme::Unknown, true),
        ] {
            assert_eq!(is_refused("POST", scheme, &[("origin", origin)]), refused, "{origin} {scheme:?}");
        }
    }

    #[test]
    fn a_client_that_is_no_browser_passes_unless_it_has_a_cookie_over_tls() {
        assert!(!is_refused("POST", Scheme::Https, &[]));
        assert!(is_refused("POST", Scheme::Https, &[COOKIE]));
        assert!(!is_refused("POST", Scheme::Unknown, &[COOKIE]));
    }

    #[test]
    fn methods_that_change_nothing_pass_and_unknown_ones_count_as_unsafe() {
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert!(!is_refused(method, Scheme::Https, &[FOREIGN]), "{method}");
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "QUERY", "PURGE"] {
            assert!(is_refused(method, Scheme::Https, &[FOREIGN]), "{method}");
        }
    }

    #[test]
    fn the_scheme_of_a_proxy_is_the_one_value_that_it_names() {
        let scheme = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(X_FORWARDED_PROTO, value.parse().unwrap());
            }
            Scheme::of_proxy(&headers)
        };
        assert_eq!(
            [scheme(&["https"]), scheme(&["http"]), scheme(&[]), scheme(&["https", "http"])],
            [Scheme::Https, Scheme::Http, Scheme::Unknown, Scheme::Unknown]
        );
    }
}
