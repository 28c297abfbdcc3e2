//! Metrics of a listener: latency, traffic, errors and saturation, by route.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use vitals::{Column, Histogram, Registry, Source, Table, TableRow, TableValue, Unit};

use crate::admission::Admission;

/// Number of routes with metrics of their own; more would be a route for each value. The rest is counted together.
const MAX_ROUTES: usize = 1000;
/// The label of requests that matched no route.
pub(crate) const UNMATCHED: &str = "unmatched";
/// The label of requests that were refused before they were routed.
pub(crate) const UNROUTED: &str = "unrouted";

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "cancelled"];
/// The class of requests that ended without an answer.
const CANCELLED: usize = CLASSES.len() - 1;
/// The class of refusals: 5xx.
const REFUSED: usize = 4;

const SERVER: Table = Table {
    name: "http_server",
    help: "Requests by route, method and class of status.",
    columns: &[
        Column::label("listener", "The listener."),
        Column::label("route", "The route's pattern; unmatched; or unrouted: refused before the route was known."),
        Column::label("method", "The method."),
        Column::label("status", "The class of the answer's status; cancelled: the client left before there was one."),
        Column::counter("requests", "Requests answered or cancelled."),
    ],
};

const LATENCY: Table = Table {
    name: "http_server_request",
    help: "Request durations by route and method.",
    columns: &[
        Column::label("listener", "The listener."),
        Column::label("route", "The route's pattern, or unmatched."),
        Column::label("method", "The method."),
        Column::duration("duration", "From the head's arrival to the answer's head, or to the client's leaving."),
    ],
};

const LISTENER: Table = Table {
    name: "http_listener",
    help: "Saturation of a listener.",
    columns: &[
        Column::label("listener", "The listener."),
        Column::gauge("requests_in_flight", "Requests being worked on or answered."),
        Column::gauge("requests_in_flight_limit", "The most requests worked on or answered at once."),
        Column::counter(
            "requests_refused",
            "Requests answered 503 because too many were in flight, or because their answer would have come too late.",
        ),
        Column::gauge("connections", "Connections open, upgraded ones included."),
        Column::gauge("connections_limit", "The most connections open at once."),
        Column::counter("connections_accepted", "Connections accepted."),
        Column::counter("connections_refused", "Connections refused by a bound."),
        Column::counter("connections_timed_out", "Connections cut because the peer did nothing for too long."),
        Column::counter("connections_closed_early", "Idle connections closed to make place for new ones."),
        Column::counter("connections_flooded", "HTTP/2 connections ended because of too many control frames."),
        Column::counter("answers_cut", "HTTP/2 answers reset because the client did not take them."),
        Column::counter("panics", "Handlers that panicked."),
        Column::counter(
            "deadlines_missed",
            "Requests whose time was over: answered 504, or 408 when the caller had set the time.",
        ),
        Column::gauge("body_limit", "The largest body taken.").in_unit(Unit::Bytes),
    ],
};

/// Counts everything that goes through one listener.
#[derive(Debug)]
pub(crate) struct Traffic {
    listener: Arc<str>,
    routes: RwLock<HashMap<Box<str>, Arc<Route>>>,
    unmatched: Arc<Route>,
    unrouted: Arc<Route>,
    pub(crate) connections: AtomicU64,
    pub(crate) accepted: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) timed_out: AtomicU64,
    pub(crate) closed_early: AtomicU64,
    pub(crate) flooded: AtomicU64,
    pub(crate) answers_cut: AtomicU64,
    pub(crate) panics: AtomicU64,
    pub(crate) deadlines_missed: AtomicU64,
}

/// One route's counts, a slot a method.
#[derive(Debug)]
pub(crate) struct Route {
    name: Arc<str>,
    methods: [std::sync::OnceLock<Box<Counts>>; METHODS.len()],
}

#[derive(Debug, Default)]
struct Counts {
    classes: [AtomicU64; CLASSES.len()],
    duration: Histogram,
}

impl Traffic {
    pub(crate) fn new(listener: &str) -> Self {
        Self {
            listener: listener.into(),
            routes: RwLock::default(),
            unmatched: Arc::new(Route::new(UNMATCHED)),
            unrouted: Arc::new(Route::new(UNROUTED)),
            connections: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            timed_out: AtomicU64::new(0),
            closed_early: AtomicU64::new(0),
            flooded: AtomicU64::new(0),
            answers_cut: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            deadlines_missed: AtomicU64::new(0),
        }
    }

    /// Returns the counts of a route; routes over the bound share the counts of unmatched requests.
    pub(crate) fn route(&self, pattern: Option<&str>) -> Arc<Route> {
        let Some(pattern) = pattern else { return self.unmatched.clone() };
        if let Some(route) = self.routes.read().unwrap_or_else(PoisonError::into_inner).get(pattern) {
            return route.clone();
        }
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        if routes.len() >= MAX_ROUTES {
            return self.unmatched.clone();
        }
        routes.entry(pattern.into()).or_insert_with(|| Arc::new(Route::new(pattern))).clone()
    }

    fn all_routes(&self) -> Vec<Arc<Route>> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Arc<Route>> = routes.values().cloned().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all.push(self.unmatched.clone());
        all.push(self.unrouted.clone());
        all
    }

    /// Counts a request that was refused before it was routed; it has no duration.
    pub(crate) fn refused_unrouted(&self, method: &Method) {
        self.unrouted.counts(method).classes[REFUSED].fetch_add(1, Ordering::Relaxed);
    }
}

impl Route {
    fn new(name: &str) -> Self {
        Self { name: name.into(), methods: Default::default() }
    }

    /// The pattern.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn counts(&self, method: &Method) -> &Counts {
        let slot = METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1);
        self.methods[slot].get_or_init(Box::default)
    }

    /// Counts one answer; none: the request was cancelled.
    pub(crate) fn count(&self, method: &Method, status: Option<StatusCode>, duration: Duration) {
        let counts = self.counts(method);
        let class = status.map_or(CANCELLED, |status| usize::from(status.as_u16() / 100).clamp(1, CANCELLED) - 1);
        counts.classes[class].fetch_add(1, Ordering::Relaxed);
        counts.duration.record(duration);
    }

    fn used(&self) -> impl Iterator<Item = (&'static str, &Counts)> {
        METHODS.iter().zip(&self.methods).filter_map(|(method, counts)| Some((*method, &**counts.get()?)))
    }
}

/// The three tables of one listener, kept alive by its border.
#[derive(Debug)]
pub(crate) struct Vitals {
    _sources: (Arc<Requests>, Arc<Latency>, Arc<Saturation>),
}

#[derive(Debug)]
struct Requests(Arc<Traffic>);
#[derive(Debug)]
struct Latency(Arc<Traffic>);
#[derive(Debug)]
struct Saturation {
    traffic: Arc<Traffic>,
    admission: Arc<Admission>,
    shed: Arc<dyn Refusals>,
    limits: crate::Limits,
}

/// A part that refuses requests, for the listener's sum.
pub(crate) trait Refusals: std::fmt::Debug + Send + Sync {
    /// Requests refused so far.
    fn refused(&self) -> u64;
}

impl Vitals {
    pub(crate) fn register(
        registry: &Registry,
        traffic: &Arc<Traffic>,
        admission: &Arc<Admission>,
        shed: Arc<dyn Refusals>,
        limits: &crate::Limits,
    ) -> Self {
        let (traffic_too, admission) = (traffic.clone(), admission.clone());
        let saturation = Saturation { traffic: traffic_too, admission, shed, limits: limits.clone() };
        let sources = (Arc::new(Requests(traffic.clone())), Arc::new(Latency(traffic.clone())), Arc::new(saturation));
        registry.register(sources.0.clone());
        registry.register(sources.1.clone());
        registry.register(sources.2.clone());
        Self { _sources: sources }
    }
}

impl Source for Requests {
    fn table(&self) -> &'static Table {
        &SERVER
    }

    fn rows(&self) -> Vec<TableRow> {
        let mut rows = Vec::new();
        for route in self.0.all_routes() {
            for (method, counts) in route.used() {
                for (class, count) in CLASSES.iter().zip(&counts.classes) {
                    let count = count.load(Ordering::Relaxed);
                    if count > 0 {
                        rows.push(vec![
                            TableValue::Text(self.0.listener.clone()),
                            TableValue::Text(route.name.clone()),
                            TableValue::text(method),
                            TableValue::text(*class),
                            TableValue::from(count),
                        ]);
                    }
                }
            }
        }
        rows
    }
}

impl Source for Latency {
    fn table(&self) -> &'static Table {
        &LATENCY
    }

    fn rows(&self) -> Vec<TableRow> {
        let mut rows = Vec::new();
        for route in self.0.all_routes() {
            for (method, counts) in route.used() {
                rows.push(vec![
                    TableValue::Text(self.0.listener.clone()),
                    TableValue::Text(route.name.clone()),
                    TableValue::text(method),
                    TableValue::from(counts.duration.snapshot()),
                ]);
            }
        }
        rows
    }
}

impl Source for Saturation {
    fn table(&self) -> &'static Table {
        &LISTENER
    }

    fn rows(&self) -> Vec<TableRow> {
        let count = |counter: &AtomicU64| TableValue::from(counter.load(Ordering::Relaxed));
        vec![vec![
            TableValue::Text(self.traffic.listener.clone()),
            TableValue::from(self.admission.in_flight()),
            TableValue::from(self.limits.in_flight as u64),
            TableValue::from(self.admission.refused() + self.shed.refused()),
            count(&self.traffic.connections),
            TableValue::from(self.limits.connections as u64),
            count(&self.traffic.accepted),
            count(&self.traffic.refused),
            count(&self.traffic.timed_out),
            count(&self.traffic.closed_early),
            count(&self.traffic.flooded),
            count(&self.traffic.answers_cut),
            count(&self.traffic.panics),
            count(&self.traffic.deadlines_missed),
            TableValue::from(self.limits.body_bytes),
        ]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_methods_and_routes_over_the_bound_do_not_make_new_series() {
        let traffic = Arc::new(Traffic::new("public"));
        for n in 0..2 * MAX_ROUTES {
            traffic.route(Some(&format!("/{n}"))).count(&Method::GET, Some(StatusCode::OK), Duration::ZERO);
        }
        for n in 0..10 {
            let method = Method::from_bytes(format!("M{n}").as_bytes()).unwrap();
            traffic.route(None).count(&method, Some(StatusCode::OK), Duration::ZERO);
        }
        assert_eq!(Requests(traffic).rows().len(), MAX_ROUTES + 2);
    }
}
