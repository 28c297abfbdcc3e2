//! Routers of both listeners, composed of the service's routes and the library's own.

use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;
use vitals::Live;

use crate::failed::Failed;

/// Runs code of the service that makes routes. axum panics where a method and a path have two handlers: that is an error of the start.
pub(crate) fn assembled(listener: &'static str, make: impl FnOnce() -> Router) -> Result<Router, Failed> {
    catch_unwind(AssertUnwindSafe(make)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let reason = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Failed::Routes { listener, reason: reason.unwrap_or_else(|| "no message".to_owned()) }
    })
}

/// The path that a route of the router was declared with, for requests of a path.
#[derive(Clone)]
struct Declared(String);

/// Returns true when the router has a route declared with exactly this path; one with a parameter in its place does not count.
///
/// No handler of the router runs.
pub(crate) async fn has_route(router: &Router, path: &str) -> bool {
    async fn instead(request: Request, _handler: Next) -> Response {
        let declared = request.extensions().get::<MatchedPath>().map(|path| Declared(path.as_str().to_owned()));
        let mut response = StatusCode::NO_CONTENT.into_response();
        response.extensions_mut().extend(
            declared
                .map(|declared| {
                    let mut extensions = axum::http::Extensions::new();
                    extensions.insert(declared);
                    extensions
                })
                .unwrap_or_default(),
        );
        response
    }
    let Ok(request) = Request::get(path).header(header::HOST, "localhost").body(Body::empty()) else { return false };
    let Ok(response) = router.clone().layer(axum::middleware::from_fn(instead)).oneshot(request).await;
    response.extensions().get::<Declared>().is_some_and(|declared| declared.0 == path)
}

/// A router that hands every request to the router that is in force then.
pub(crate) fn switched(current: std::sync::Arc<Live<Router>>) -> Router {
    Router::new().fallback_service(tower::service_fn(move |request: Request| {
        let router = Router::clone(&current.get());
        router.oneshot(request)
    }))
}

#[cfg(test)]
mod tests {
    use axum::routing::{any, get, post};

    use super::*;

    #[tokio::test]
    async fn a_route_is_found_by_the_path_it_was_declared_with_and_no_handler_runs() {
        async fn forbidden() -> &'static str {
            panic!("a handler ran")
        }
        let router = Router::new()
            .route("/get", get(forbidden))
            .route("/post", post(forbidden))
            .route("/any", any(forbidden))
            .route("/{code}", get(forbidden))
            .fallback(forbidden);
        for path in ["/get", "/post", "/any"] {
            assert!(has_route(&router, path).await, "{path}");
        }
        for path in ["/robots.txt", "/a/b", "/"] {
            assert!(!has_route(&router, path).await, "{path}");
        }
        assert!(!has_route(&Router::new(), "/robots.txt").await);
    }

    #[test]
    fn a_path_with_two_handlers_is_an_error_that_names_it() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let twice = || Router::new().route("/a", get(|| async {})).route("/a", get(|| async {}));
        let error = assembled("public", twice).unwrap_err().to_string();
        std::panic::set_hook(hook);
        assert!(error.contains("public") && error.contains("GET /a"), "{error}");
    }
}
