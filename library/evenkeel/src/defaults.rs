//! Routes that every public listener has unless the service has its own: `/robots.txt`, `/openapi.json`.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::routing::get;

pub(crate) const ROBOTS: &str = "/robots.txt";
#[cfg(feature = "openapi")]
pub(crate) const OPENAPI: &str = "/openapi.json";

const CACHED_AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// `/robots.txt` with this text.
pub(crate) fn robots(text: &'static str) -> Router {
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))];
    Router::new().route(ROBOTS, get(async move || (kind, [(header::CACHE_CONTROL, CACHED_AN_HOUR)], text)))
}

/// `/openapi.json` with this document.
#[cfg(feature = "openapi")]
pub(crate) fn openapi(document: String) -> Router {
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Router::new().route(OPENAPI, get(async move || (kind, document.clone())))
}
