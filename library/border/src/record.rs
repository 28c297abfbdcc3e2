//! Request log and metrics: every request is counted and logged, with any outcome.

use std::sync::Arc;

use axum::http::uri::PathAndQuery;
use axum::http::{Method, StatusCode};
use tokio::time::Instant;
use vitals::TraceContext;

use crate::access_log::AccessLog;
use crate::observers::Observed;
use crate::route_counts::Route;

/// Counts a request and writes its access line: when it is answered, or as cancelled when it is dropped before, because its client left or
/// its connection was cut.
pub(crate) struct Record {
    access_log: Arc<AccessLog>,
    route: Arc<Route>,
    method: Method,
    target: Option<PathAndQuery>,
    started: Instant,
    trace: TraceContext,
    is_open: bool,
    observed: Option<Observed>,
}

impl Record {
    pub(crate) fn new(
        access_log: Arc<AccessLog>,
        route: Arc<Route>,
        method: Method,
        target: Option<PathAndQuery>,
        started: Instant,
        trace: TraceContext,
    ) -> Self {
        Self { access_log, route, method, target, started, trace, is_open: true, observed: None }
    }

    /// Adds its trace and its objectives.
    pub(crate) fn observed(mut self, observed: Observed) -> Self {
        self.observed = Some(observed);
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

    fn write(&self, status: Option<StatusCode>) {
        let now = Instant::now();
        let took = now.saturating_duration_since(self.started);
        self.route.count(&self.method, status, took, &self.trace);
        let path = self.target.as_ref().map_or("/", PathAndQuery::path);
        self.access_log.write(&self.method, path, self.route.name(), status, took, now);
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
