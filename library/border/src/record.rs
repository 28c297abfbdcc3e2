//! Request log and metrics: every request is counted and logged, with any outcome.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::uri::PathAndQuery;
use axum::http::{Method, StatusCode};
use tokio::time::Instant;
use vitals::TraceContext;

use crate::border::Inner;
use crate::heavy_clients::Ended;
use crate::observers::Observed;
use crate::route_counts::Route;
use crate::traffic::UNMATCHED;

/// Counts a request and writes its access line: when it is answered, or as cancelled when it is dropped before, because its client left or
/// its connection was cut.
pub(crate) struct Record {
    border: Arc<Inner>,
    route: Arc<Route>,
    method: Method,
    target: Option<PathAndQuery>,
    started: Instant,
    trace: TraceContext,
    client: Option<IpAddr>,
    is_open: bool,
    observed: Option<Observed>,
}

impl Record {
    pub(crate) fn new(
        border: Arc<Inner>,
        route: Arc<Route>,
        method: Method,
        target: Option<PathAndQuery>,
        started: Instant,
        trace: TraceContext,
    ) -> Self {
        Self { border, route, method, target, started, trace, client: None, is_open: true, observed: None }
    }

    /// Adds its trace and its objectives.
    pub(crate) fn observed(mut self, observed: Observed) -> Self {
        self.observed = Some(observed);
        self
    }

    /// Adds the client, where it is known.
    pub(crate) fn of_client(mut self, client: Option<IpAddr>) -> Self {
        self.client = client;
        self
    }

    /// Notes that the limit of all requests of the route refused this one: a failure of the service for its objectives.
    pub(crate) fn limited_for_all(&mut self) {
        if let Some(observed) = &mut self.observed {
            observed.is_limited_for_all = true;
        }
    }

    pub(crate) fn answered(mut self, status: StatusCode) {
        self.is_open = false;
        self.write(Some(status));
    }

    pub(crate) fn route_name(&self) -> &str {
        self.route.name()
    }

    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    /// Its path, and its query.
    pub(crate) fn target(&self) -> (&str, Option<&str>) {
        self.target.as_ref().map_or(("/", None), |target| (target.path(), target.query()))
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    pub(crate) fn trace(&self) -> TraceContext {
        self.trace
    }

    pub(crate) fn request_id(&self) -> &str {
        self.observed.as_ref().map_or("", |observed| &observed.request_id)
    }

    pub(crate) fn client(&self) -> Option<IpAddr> {
        self.client
    }

    fn write(&self, status: Option<StatusCode>) {
        let now = Instant::now();
        let took = now.saturating_duration_since(self.started);
        self.route.count(&self.method, status, took, &self.trace);
        let path = self.target.as_ref().map_or("/", PathAndQuery::path);
        self.border.access_log.write(&self.method, path, self.route.name(), status, took, now);
        if let Some(client) = self.client {
            let has_route = self.route.name() != UNMATCHED;
            let ended = Ended { status, has_route, took, trace: Some(self.trace) };
            self.border.traffic.clients.note(client, &ended, now);
        }
        if let Some(observed) = &self.observed {
            observed.ended(&self.method, path, self.route.name(), status, took);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.is_open {
            self.write(None);
        }
    }
}
