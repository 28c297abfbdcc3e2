//! Routes of the admin listener: health, metrics, orders to policies, and routes of the service.

mod gzip;
#[cfg(feature = "client")]
mod policies;

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use border::Problem;
use serde::Deserialize;
use supervision::{Lifecycle, Phase};
use telemetry::errors::Errors;
use telemetry::prometheus::Format;
use telemetry::{health, prometheus};
use vitals::{Instance, Registry};

use crate::operator::{Guard, guarded};

#[cfg(feature = "client")]
pub(crate) use policies::routes as policies;

/// The paths on which a service may have routes of its own instead.
pub(crate) const OPEN: [&str; 2] = [HEALTH, METRICS];
const HEALTH: &str = "/health";
const METRICS: &str = "/metrics";

/// Admin listener's view of the service, complete from the first moment on.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) lifecycle: Lifecycle,
    pub(crate) registry: Registry,
    pub(crate) instance: Instance,
    pub(crate) guard: Guard,
    pub(crate) errors: Option<Errors>,
    /// All routers share its turns.
    #[cfg(feature = "query")]
    pub(crate) query: console::query::Query,
    #[cfg(feature = "query")]
    pub(crate) about: console::pages::About,
}

impl Admin {
    /// All routes of the listener, with the guard before changes: those of the library but those of [`OPEN`] that are `taken`, and `more`.
    pub(crate) fn with(self, taken: &[&str], more: Router) -> Router {
        let guard = self.guard.clone();
        #[cfg(feature = "query")]
        {
            let pages = console::pages::Pages::new(&self.registry, &self.query, self.about.clone());
            let pages = pages.with_errors(self.errors.clone());
            let api = guarded(self.routes(taken).merge(more), guard.clone());
            api.clone().merge(guarded(crate::console_routes::routes(pages, api), guard))
        }
        #[cfg(not(feature = "query"))]
        guarded(self.routes(taken).merge(more), guard)
    }

    fn routes(self, taken: &[&str]) -> Router {
        let mut routes = Router::new()
            // Answered at all: the runtime turns. A sick dependency is no reason to be killed.
            .route("/livez", get(async || "live\n"))
            .route("/readyz", get(ready))
            .route("/startupz", get(started));
        #[cfg(feature = "query")]
        {
            routes = routes.merge(crate::query::routes::<Self>(self.query.clone()));
        }
        if let Some(errors) = &self.errors {
            routes = routes.merge(crate::error_reports::routes(errors.clone()));
        }
        if !taken.contains(&HEALTH) {
            routes = routes.route(HEALTH, get(document));
        }
        if !taken.contains(&METRICS) {
            routes = routes.route(METRICS, get(metrics));
        }
        routes.with_state(self)
    }
}

async fn ready(State(admin): State<Admin>) -> Response {
    let phase = admin.lifecycle.phase();
    phase_response(phase == Phase::Ready, phase)
}

async fn started(State(admin): State<Admin>) -> Response {
    let phase = admin.lifecycle.phase();
    phase_response(phase > Phase::Starting, phase)
}

fn phase_response(yes: bool, phase: Phase) -> Response {
    let status = if yes { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, format!("{}\n", phase.name())).into_response()
}

/// The query of `/health`.
#[derive(Deserialize)]
struct Parts {
    /// Names of tables, with commas between; none: all of them.
    part: Option<String>,
}

async fn document(State(admin): State<Admin>, Query(parts): Query<Parts>) -> Result<Response, Problem> {
    let ready = admin.lifecycle.phase() == Phase::Ready;
    let Some(parts) = parts.part else {
        return Ok(axum::Json(health::document(&admin.instance, &admin.registry, ready)).into_response());
    };
    let parts: Vec<&str> = parts.split(',').map(str::trim).collect();
    let document = health::document_of(&admin.instance, &admin.registry, ready, &parts);
    let document = document.map_err(|unknown| Problem::new(StatusCode::BAD_REQUEST, unknown.to_string()))?;
    Ok(axum::Json(document).into_response())
}

async fn metrics(State(admin): State<Admin>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = Format::accepted(accept);
    let head = [(header::CONTENT_TYPE, format.content_type()), (header::VARY, "accept, accept-encoding")];
    // Each part is made when the scraper has taken the one before.
    let mut parts = prometheus::Chunks::new(format, admin.registry.metrics());
    let first = parts.next().unwrap_or_default();
    let is_large = first.len() >= gzip::SMALLEST;
    let parts = std::iter::once(first).chain(parts);
    match is_large && gzip::accepts(&headers) {
        true => (head, [(header::CONTENT_ENCODING, "gzip")], body_of(gzip::Compressed::new(parts))).into_response(),
        false if is_large => (head, body_of(parts)).into_response(),
        false => (head, parts.collect::<Vec<_>>().concat()).into_response(),
    }
}

fn body_of(parts: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Body {
    Body::from_stream(futures_util::stream::iter(parts.map(Ok::<_, Infallible>)))
}
