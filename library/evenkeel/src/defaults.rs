//! Routes every public listener has unless the service has its own: `/robots.txt`, `/openapi.json`.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::routing::get;

const CACHED_AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// The defaults, to be merged with the service's routes.
pub(crate) fn routes(robots: &'static str, openapi: Option<fn() -> utoipa::openapi::OpenApi>) -> Router {
    let text = [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))];
    let mut routes = Router::new()
        .route("/robots.txt", get(async move || (text, [(header::CACHE_CONTROL, CACHED_AN_HOUR)], robots)));
    if let Some(document) = openapi.and_then(|document| document().to_json().ok()) {
        let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        routes = routes.route("/openapi.json", get(async move || (json, document.clone())));
    }
    routes
}
