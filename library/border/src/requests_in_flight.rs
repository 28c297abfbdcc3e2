//! Requests in flight: the table `requests`.

use std::sync::Arc;

use axum::http::Method;
use telemetry::RequestContext;
use tokio::time::Instant;
use vitals::{Column, InFlight, InFlightSlot, Registry, Source, Step, Table, TableRow, TableValue, Unit, Work};

use crate::route_counts::{METHODS, Route, slot};

const REQUESTS: Table = Table {
    name: "requests",
    help: "Requests that are worked on or answered, the oldest first.",
    columns: &[
        Column::label("listener", "The listener."),
        Column::state("http_route", "The route's pattern, or unmatched."),
        Column::state("http_request_method", "The method; _OTHER: one that is not known."),
        Column::words("step", &Step::NAMES, "What it does, or waits for."),
        Column::gauge("age", "Time since its head arrived.").in_unit(Unit::Seconds),
        Column::gauge("deadline_left", "Time until it is ended.").in_unit(Unit::Seconds),
        Column::key("request_id", "Its id, its caller's or ours."),
        Column::state("trace_id", "Its trace."),
        Column::key("span_id", "Its span in the trace, by which requests with one id are told apart."),
    ],
};

/// The requests in flight of one listener.
#[derive(Debug)]
pub(crate) struct RequestsInFlight {
    listener: Arc<str>,
    slots: Arc<InFlight>,
}

impl RequestsInFlight {
    /// Has room for this many requests. Its table lives as long as it does.
    pub(crate) fn register(registry: &Registry, listener: &str, most: usize) -> Arc<Self> {
        let requests = Arc::new(Self { listener: listener.into(), slots: InFlight::new(most) });
        registry.register(requests.clone());
        requests
    }

    /// Lists a request for as long as its slot is held; none where there is no room.
    pub(crate) fn enter(
        &self,
        route: &Route,
        method: &Method,
        context: &RequestContext,
        started: Instant,
        deadline: Option<Instant>,
    ) -> Option<Arc<InFlightSlot>> {
        let work = Work {
            kind: "request",
            name: route.shared_name(),
            method: METHODS[slot(method.as_str())],
            request_id: context.request_id.clone(),
            trace: context.trace,
            started,
            deadline,
        };
        self.slots.enter(work).map(Arc::new)
    }
}

impl Source for RequestsInFlight {
    fn table(&self) -> &'static Table {
        &REQUESTS
    }

    fn rows(&self) -> Vec<TableRow> {
        let now = Instant::now();
        self.slots.list().iter().map(|(work, step)| self.row(work, *step, now)).collect()
    }
}

impl RequestsInFlight {
    fn row(&self, work: &Work, step: Step, now: Instant) -> TableRow {
        let left = work.deadline.map(|deadline| deadline.saturating_duration_since(now).as_secs_f64());
        vec![
            TableValue::Text(self.listener.clone()),
            TableValue::Text(work.name.clone()),
            TableValue::text(work.method),
            TableValue::text(step.name()),
            TableValue::from(now.saturating_duration_since(work.started).as_secs_f64()),
            // Without a deadline there is no number.
            TableValue::from(left.unwrap_or(f64::NAN)),
            TableValue::Text(work.request_id.clone()),
            TableValue::text(work.trace.trace_id()),
            TableValue::text(work.trace.span_id()),
        ]
    }
}
