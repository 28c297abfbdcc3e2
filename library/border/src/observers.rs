//! Observers of a listener's requests, beside its metrics: traces, objectives and reports of failures.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use telemetry::errors::Errors;
use telemetry::objectives::{LiveObjective, Objectives, SloKind};
use telemetry::traces::{RequestTrace, ServerSpan, Tracer};

use crate::traffic::UNMATCHED;

/// Observers of the requests of a listener; none by default.
#[derive(Clone, Debug, Default)]
pub struct Observers {
    /// Records the spans of requests.
    pub tracer: Option<Tracer>,
    /// Count answers as good or bad.
    pub objectives: Objectives,
    /// Records the failures of requests.
    pub errors: Option<Errors>,
}

/// The objectives of one route.
pub(crate) type RouteObjectives = Arc<[Arc<LiveObjective>]>;

/// One request under observation.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) trace: Option<Arc<RequestTrace>>,
    pub(crate) objectives: RouteObjectives,
    pub(crate) request_id: Arc<str>,
    /// The limit of all requests of the route refused it.
    pub(crate) is_limited_for_all: bool,
}

impl Observed {
    /// Counts the answer and ends the trace. A request whose client left before the answer counts for no objective, nor does
    /// one that is refused because its own client sends too much (429).
    pub(crate) fn ended(&self, method: &Method, path: &str, route: &str, status: Option<StatusCode>, took: Duration) {
        let status = status.map(|status| status.as_u16());
        let covering = || self.objectives.iter().filter(|objective| objective.slo().covers(method.as_str(), route));
        if let Some(status) = status {
            covering().for_each(|objective| match self.is_limited_for_all {
                true => objective.record_end(true, took),
                false => objective.record(status, took),
            });
        }
        let Some(trace) = &self.trace else { return };
        let bound = |objective: &Arc<LiveObjective>| match objective.slo().kind {
            SloKind::Latency(within) => Some(within),
            SloKind::Availability => None,
        };
        trace.end(ServerSpan {
            method: method.as_str(),
            route: (route != UNMATCHED).then_some(route),
            path,
            request_id: &self.request_id,
            status,
            slow: covering().filter_map(bound).min(),
        });
    }
}
