//! Methods of each path, for `Allow` (RFC 9110, 10.2.1): on 405, and in the answer to OPTIONS.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;

/// The most paths that are known; of another one the router's own list is shown.
const MAX_PATHS: usize = 1000;

/// Methods by pattern.
#[derive(Debug, Default)]
pub(crate) struct AllowedMethods {
    by_path: RwLock<HashMap<Box<str>, Vec<&'static str>>>,
}

impl AllowedMethods {
    /// Notes the methods that a router has for a pattern; several routers can have the same one.
    pub(crate) fn note(&self, pattern: &str, methods: &[&'static str]) {
        let mut by_path = self.by_path.write().unwrap_or_else(PoisonError::into_inner);
        if by_path.len() >= MAX_PATHS && !by_path.contains_key(pattern) {
            return;
        }
        let known = by_path.entry(pattern.into()).or_default();
        for method in methods {
            if !known.contains(method) {
                known.push(method);
            }
        }
    }

    /// Answers OPTIONS for a path whose handler does not, and adds the methods of the path to that and to 405.
    pub(crate) fn answer(&self, method: &Method, pattern: &str, mut response: Response) -> Response {
        if response.status() != StatusCode::METHOD_NOT_ALLOWED {
            return response;
        }
        if !response.headers().contains_key(header::ALLOW)
            && let Some(allowed) = self.of(pattern)
        {
            response.headers_mut().insert(header::ALLOW, allowed);
        }
        if *method != Method::OPTIONS {
            return response;
        }
        let (mut head, _body) = response.into_parts();
        head.status = StatusCode::NO_CONTENT;
        head.headers.remove(header::CONTENT_TYPE);
        head.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(head, Body::empty())
    }

    /// The value of `Allow`. What answers GET answers HEAD, and every path answers OPTIONS.
    fn of(&self, pattern: &str) -> Option<HeaderValue> {
        let by_path = self.by_path.read().unwrap_or_else(PoisonError::into_inner);
        let mut methods = by_path.get(pattern).filter(|methods| !methods.is_empty())?.clone();
        drop(by_path);
        for (implied, is_implied) in [("HEAD", methods.contains(&"GET")), ("OPTIONS", true)] {
            if is_implied && !methods.contains(&implied) {
                methods.push(implied);
            }
        }
        HeaderValue::try_from(methods.join(", ")).ok()
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn options_is_answered_with_the_methods_of_the_path_where_no_handler_answers_it() {
        let allowed = AllowedMethods::default();
        allowed.note("/orders", &["POST"]);
        allowed.note("/orders", &["GET", "POST"]);
        let refused = || StatusCode::METHOD_NOT_ALLOWED.into_response();
        let options = allowed.answer(&Method::OPTIONS, "/orders", refused());
        assert_eq!(
            (options.status(), &options.headers()[header::ALLOW]),
            (StatusCode::NO_CONTENT, &"POST, GET, HEAD, OPTIONS".parse().unwrap())
        );
        let put = allowed.answer(&Method::PUT, "/orders", refused());
        assert_eq!((put.status(), put.headers().contains_key(header::ALLOW)), (StatusCode::METHOD_NOT_ALLOWED, true));
        let own = allowed.answer(&Method::OPTIONS, "/orders", "own".into_response());
        assert_eq!((own.status(), own.headers().contains_key(header::ALLOW)), (StatusCode::OK, false));
        let unknown = allowed.answer(&Method::OPTIONS, "/elsewhere", refused());
        assert!(!unknown.headers().contains_key(header::ALLOW), "the router's own list is shown");
    }
}
