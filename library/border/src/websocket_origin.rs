//! Origin of a WebSocket handshake (RFC 6455, 10.2): browsers send cookies with it from any page, and ask no permission.

use axum::http::{HeaderMap, StatusCode, Uri, header};

use crate::Problem;
use crate::route_rules::RouteRules;

/// Refuses a handshake from a page of another origin than that of the request (403), unless the route declares the origin. Clients that are no browsers
/// send no origin.
pub(crate) fn check(headers: &HeaderMap, target: &Uri, rules: Option<&RouteRules>) -> Result<(), Problem> {
    let upgrade = headers.get_all(header::UPGRADE).into_iter().filter_map(|value| value.to_str().ok());
    if !upgrade.flat_map(|value| value.split(',')).any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket")) {
        return Ok(());
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or(target.authority().map(|authority| authority.as_str())).unwrap_or_default();
    let is_own = origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
    let is_declared = rules.and_then(RouteRules::cross_origins).is_some_and(|known| known.allows(origin));
    if is_own || is_declared {
        return Ok(());
    }
    let detail =
        "pages of this origin may not open a WebSocket here; the route can declare the origin with cross_origin";
    Err(Problem::new(StatusCode::FORBIDDEN, detail))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;
    use crate::cross_origin::CrossOrigin;

    #[test]
    fn a_handshake_of_a_page_must_come_from_the_origin_of_the_service_or_a_declared_one() {
        let declared = RouteRules::of("GET /feed").cross_origin(CrossOrigin::of(&["https://shop.example"]));
        let check = |origin: Option<&'static str>, upgrade: &'static str, rules: Option<&RouteRules>| {
            let fields: [(HeaderName, &'static str); 2] =
                [(header::HOST, "api.example:8080"), (header::UPGRADE, upgrade)];
            let mut headers: HeaderMap =
                fields.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            super::check(&headers, &Uri::from_static("/feed"), rules).is_ok()
        };
        assert!(check(Some("https://api.example:8080"), "websocket", None));
        assert!(check(None, "websocket", None), "it is no browser");
        assert!(check(Some("https://evil.example"), "h2c", None), "it is no WebSocket");
        for evil in ["https://evil.example", "https://api.example", "null", "https://api.example:8080.evil.example"] {
            assert!(!check(Some(evil), "WebSocket", None), "{evil}");
        }
        assert!(check(Some("https://shop.example"), "websocket", Some(&declared)));
        assert!(!check(Some("https://evil.example"), "websocket", Some(&declared)));
    }
}
