//! The admin listener's routes: health, metrics, orders to policies, and what the service adds.

mod policies;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use client::Client;
use supervision::{Lifecycle, Phase};
use telemetry::{health, prometheus};
use vitals::{Instance, Registry};

#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) lifecycle: Lifecycle,
    pub(crate) registry: Registry,
    pub(crate) instance: Instance,
    pub(crate) client: Client,
    /// Whether operators can override policies.
    #[cfg(feature = "without-guards")]
    pub(crate) takes_orders: bool,
}

impl Admin {
    pub(crate) fn routes(self) -> Router {
        let policies = policies::routes(self.client.clone());
        #[cfg(feature = "without-guards")]
        let policies = if self.takes_orders { policies } else { Router::new() };
        Router::new()
            // Answered at all: the runtime turns. A sick dependency is no reason to be killed.
            .route("/livez", get(async || "live\n"))
            .route("/readyz", get(ready))
            .route("/startupz", get(started))
            .route("/health", get(document))
            .route("/metrics", get(metrics))
            .with_state(self)
            .merge(policies)
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

async fn document(State(admin): State<Admin>) -> Response {
    let ready = admin.lifecycle.phase() == Phase::Ready;
    axum::Json(health::document(&admin.instance, &admin.registry, ready)).into_response()
}

async fn metrics(State(admin): State<Admin>) -> Response {
    ([(header::CONTENT_TYPE, prometheus::CONTENT_TYPE)], prometheus::text(&admin.registry.snapshot())).into_response()
}
