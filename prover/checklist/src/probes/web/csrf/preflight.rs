//! The question that a browser asks before a script of a foreign page may send a write with a session (Fetch standard, CORS
//! preflight).

use http::{HeaderMap, Method, StatusCode};
use keel_wire::http::Request;

use super::form::{by_browser, is_form};

/// Header names that a script may set without asking, beside a Content-Type that a form can have (Fetch standard).
const SAFELISTED: [&str; 3] = ["accept", "accept-language", "content-language"];

/// The preflight of this write for a page of this origin.
pub(super) fn of(write: &Request, origin: &str) -> Request {
    let request = Request::new(Method::OPTIONS, &write.path)
        .header("Origin", origin)
        .header("Access-Control-Request-Method", write.method.as_str());
    match asked_for(write) {
        names if names.is_empty() => request,
        names => request.header("Access-Control-Request-Headers", names.join(",")),
    }
}

/// Returns true if the answer lets the page send the write with cookies and HTTP authentication: `*` does not.
pub(super) fn allows(status: StatusCode, headers: &HeaderMap, write: &Request, origin: &str) -> bool {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let lists = |name: &str, wanted: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|listed| listed.trim().eq_ignore_ascii_case(wanted))
    };
    let method = write.method.as_str();
    status.is_success()
        && value("access-control-allow-origin") == origin
        && value("access-control-allow-credentials") == "true"
        && (write.method == Method::POST || lists("access-control-allow-methods", method))
        && asked_for(write).iter().all(|name| lists("access-control-allow-headers", name))
}

/// The headers that a script must ask for, in lower case and in order.
fn asked_for(write: &Request) -> Vec<String> {
    let asked = write.headers.iter().filter(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let by_itself = by_browser(&name, value) || name == "content-type" && is_form(value);
        !by_itself && !SAFELISTED.contains(&name.as_str())
    });
    let mut names: Vec<String> = asked.map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    const PAGE: &str = "https://foreign.invalid";

    fn write() -> Request {
        Request::new(Method::PUT, "/things/1").header("Cookie", "a=b").header("X-Key", "k").json(&serde_json::json!({}))
    }

    fn allowed(headers: &[(&str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        allows(StatusCode::NO_CONTENT, &map, &write(), PAGE)
    }

    #[test]
    fn it_asks_for_what_a_page_cannot_send_by_itself() {
        let headers = of(&write(), PAGE).headers;
        let asked = headers.iter().find(|(name, _)| name == "Access-Control-Request-Headers").unwrap();
        assert_eq!(asked.1, "content-type,x-key");
    }

    #[test]
    fn a_page_is_let_in_only_by_its_name_with_its_session_method_and_headers() {
        let methods = ("access-control-allow-methods", "GET, PUT");
        let names = ("access-control-allow-headers", "Content-Type, X-Key");
        let session = ("access-control-allow-credentials", "true");
        assert!(allowed(&[("access-control-allow-origin", PAGE), session, methods, names]));
        assert!(!allowed(&[("access-control-allow-origin", "*"), session, methods, names]));
        assert!(!allowed(&[("access-control-allow-origin", PAGE), methods, names]));
        assert!(!allowed(&[("access-control-allow-origin", PAGE), session, names]));
        assert!(!allowed(&[("access-control-allow-origin", PAGE), session, methods]));
        assert!(!allowed(&[]));
    }
}
