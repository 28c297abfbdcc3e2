//! Cross-origin requests (CORS): closed unless a route declares the origins of the pages whose scripts may call it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;

use crate::accept_encoding::vary;
use crate::invalid_route::InvalidRouteRules;

const REQUESTED_METHOD: HeaderName = header::ACCESS_CONTROL_REQUEST_METHOD;
/// Seconds for which a browser may keep the answer to a preflight request.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
/// Request headers that a page may set without declaration, beside those that browsers always allow.
const HEADERS: &str = "content-type, idempotency-key, if-match, if-none-match, x-request-id";
/// Answer headers that a page may read, beside those that browsers always show.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "deprecation, etag, location, ratelimit, ratelimit-policy, retry-after, sunset, x-request-id",
);

/// Origins whose pages may call a route from a script.
///
/// ```
/// use evenkeel_border::{CrossOrigin, RouteRules};
///
/// let rules = RouteRules::of("GET /prices").cross_origin(CrossOrigin::of(&["https://shop.example"]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrossOrigin {
    origins: &'static [&'static str],
    credentials: bool,
    headers: Option<&'static str>,
}

impl CrossOrigin {
    /// Allows pages of exactly these origins: `https://shop.example`, without a path.
    pub const fn of(origins: &'static [&'static str]) -> Self {
        Self { origins, credentials: false, headers: None }
    }

    /// Allows pages of every origin, for public data. Never with credentials.
    pub const fn any() -> Self {
        Self::of(&["*"])
    }

    /// Sends the client's cookies and credentials with the requests of these pages.
    #[must_use]
    pub const fn credentials(self) -> Self {
        Self { credentials: true, ..self }
    }

    /// Sets the request headers that a page may set, as a list: `content-type, authorization`.
    #[must_use]
    pub const fn headers(self, names: &'static str) -> Self {
        Self { headers: Some(names), ..self }
    }

    /// The origins.
    pub const fn origins(&self) -> &'static [&'static str] {
        self.origins
    }

    /// Returns true when a page of this origin may call the route.
    pub fn allows(&self, origin: &str) -> bool {
        self.is_any() || self.origins.contains(&origin)
    }

    /// True for a request that changes state and comes from a page that may send it. A page of an origin that is not named may not act as the client: its
    /// requests have no cookie.
    pub(crate) fn covers(&self, headers: &HeaderMap) -> bool {
        let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
        let may_act =
            || self.origins.iter().any(|named| Some(*named) == origin) || !headers.contains_key(header::COOKIE);
        origin.is_some_and(|origin| self.allows(origin)) && may_act()
    }

    const fn is_any(&self) -> bool {
        matches!(self.origins, [origin] if matches!(origin.as_bytes(), b"*"))
    }

    /// Checks the declaration.
    pub(crate) fn check(&self, route: &str) -> Result<(), InvalidRouteRules> {
        let wrong = |origin: &str, wrong| InvalidRouteRules::Origin {
            route: route.to_owned(),
            origin: origin.to_owned(),
            wrong,
        };
        if self.origins.is_empty() {
            return Err(wrong("", "no origin is named; name one, or remove the rule"));
        }
        if self.is_any() && self.credentials {
            return Err(wrong("*", "every page could act as the client; name the origins"));
        }
        if HeaderValue::from_str(self.headers.unwrap_or_default()).is_err() {
            return Err(InvalidRouteRules::Header {
                route: route.to_owned(),
                header: "access-control-allow-headers",
                value: self.headers.unwrap_or_default().to_owned(),
            });
        }
        let is_origin = |text: &str| {
            text.split_once("://").is_some_and(|(scheme, host)| {
                let is_host = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:[]".contains(&byte);
                ["http", "https"].contains(&scheme) && !host.is_empty() && host.bytes().all(is_host)
            })
        };
        match self.origins.iter().find(|origin| !is_origin(origin)) {
            Some(origin) if !self.is_any() => {
                Err(wrong(origin, "write it as \"https://shop.example\", in small letters and without a path"))
            }
            _ => Ok(()),
        }
    }

    /// Adds the fields of an answer for a page of this origin.
    pub(crate) fn add_to(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if self.is_any() {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else {
            vary(headers, "origin");
            let Some(origin) = origin.filter(|origin| origin.to_str().is_ok_and(|origin| self.allows(origin))) else {
                return;
            };
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            if self.credentials {
                headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            }
        }
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

/// A preflight request: which method a page of which origin wants to use.
#[derive(Debug)]
pub(crate) struct Preflight {
    origin: HeaderValue,
    pub(crate) method: Method,
}

impl Preflight {
    /// Reads a preflight request; none for any other request.
    pub(crate) fn of(method: &Method, headers: &HeaderMap) -> Option<Self> {
        if *method != Method::OPTIONS {
            return None;
        }
        let origin = headers.get(header::ORIGIN)?.clone();
        let method = Method::from_bytes(headers.get(REQUESTED_METHOD)?.as_bytes()).ok()?;
        Some(Self { origin, method })
    }

    /// Adds the permission to the answer, where the route has one for this origin.
    pub(crate) fn answer(&self, allowed: Option<CrossOrigin>, mut response: Response) -> Response {
        for name in ["origin", "access-control-request-method"] {
            vary(response.headers_mut(), name);
        }
        let permitted = allowed.filter(|allowed| self.origin.to_str().is_ok_and(|origin| allowed.allows(origin)));
        let (Some(allowed), StatusCode::NO_CONTENT | StatusCode::OK) = (permitted, response.status()) else {
            return response;
        };
        let headers = response.headers_mut();
        allowed.add_to(Some(&self.origin), headers);
        headers.remove(header::ACCESS_CONTROL_EXPOSE_HEADERS);
        if let Ok(method) = HeaderValue::from_str(self.method.as_str()) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, method);
        }
        let names = HeaderValue::from_static(allowed.headers.unwrap_or(HEADERS));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    const SHOP: CrossOrigin = CrossOrigin::of(&["https://shop.example"]);

    fn fields(rules: CrossOrigin, origin: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        rules.add_to(Some(&HeaderValue::from_static(origin)), &mut headers);
        headers
    }

    #[test]
    fn a_page_of_a_declared_origin_may_read_the_answer_and_no_other_one() {
        let own = fields(SHOP, "https://shop.example");
        assert_eq!(own[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://shop.example");
        assert!(!own.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
        for other in ["https://evil.example", "https://shop.example.evil.example", "http://shop.example", "null"] {
            let fields = fields(SHOP.credentials(), other);
            assert!(!fields.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{other}");
            assert_eq!(fields[header::VARY], "origin", "an answer for a page is not kept for another one");
        }
        let with = fields(SHOP.credentials(), "https://shop.example");
        assert_eq!(with[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(fields(CrossOrigin::any(), "https://a.example")[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    }

    #[test]
    fn a_preflight_request_gets_the_method_that_it_asks_for_where_the_route_allows_its_origin() {
        let ask = |origin: &'static str, allowed| {
            let headers = HeaderMap::from_iter([
                (header::ORIGIN, HeaderValue::from_static(origin)),
                (REQUESTED_METHOD, HeaderValue::from_static("PUT")),
            ]);
            let preflight = Preflight::of(&Method::OPTIONS, &headers).unwrap();
            preflight.answer(allowed, StatusCode::NO_CONTENT.into_response()).headers().clone()
        };
        let own = ask("https://shop.example", Some(SHOP));
        assert_eq!(own[header::ACCESS_CONTROL_ALLOW_METHODS], "PUT");
        assert!(own[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap().contains("content-type"));
        for (origin, allowed) in [("https://evil.example", Some(SHOP)), ("https://shop.example", None)] {
            let refused = ask(origin, allowed);
            assert!(refused.keys().all(|name| !name.as_str().starts_with("access-control")), "{refused:?}");
        }
        assert!(Preflight::of(&Method::OPTIONS, &HeaderMap::new()).is_none());
    }

    #[test]
    fn too_open_or_empty_declarations_are_refused() {
        let message =
            |rules: CrossOrigin| rules.check("GET /a").map_or_else(|error| error.to_string(), |()| String::new());
        assert_eq!(message(SHOP), "");
        assert_eq!(message(CrossOrigin::of(&["http://127.0.0.1:8080", "https://[::1]"])), "");
        assert_eq!(message(CrossOrigin::any()), "");
        assert!(message(CrossOrigin::any().credentials()).contains("name the origins"));
        for wrong in ["shop.example", "https://shop.example/", "https://Shop.example", "ftp://shop.example", "null"] {
            assert!(message(CrossOrigin::of(Box::leak(Box::new([wrong])))).contains("https://shop.example"), "{wrong}");
        }
        assert!(message(CrossOrigin::of(&[])).contains("name one"));
        assert!(message(CrossOrigin::of(&["*", "https://shop.example"])).contains("\"*\""));
    }

    #[test]
    fn pages_of_named_origins_may_change_state_and_those_of_any_only_without_a_cookie() {
        let named = CrossOrigin::of(&["https://shop.example"]);
        for (rule, origin, cookie, covered) in [
            (named, "https://shop.example", false, true),
            (named, "https://shop.example", true, true),
            (named, "https://evil.example", false, false),
            (CrossOrigin::any(), "https://evil.example", false, true),
            (CrossOrigin::any(), "https://evil.example", true, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            if cookie {
                headers.insert(header::COOKIE, HeaderValue::from_static("session=1"));
            }
            assert_eq!(rule.covers(&headers), covered, "{origin} {cookie}");
        }
        assert!(!CrossOrigin::any().covers(&HeaderMap::new()), "no page sent it");
    }
}
