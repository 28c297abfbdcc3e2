//! Metrics of a listener: latency, traffic, errors and saturation, by route.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::Method;
use vitals::{Column, Registry, Source, Table, TableRow, TableValue, Unit};

use crate::admission::Admission;
use crate::heavy_clients::{ClientVitals, HeavyClients};
use crate::route_counts::Route;

/// Number of routes with metrics of their own; more would be a route for each value. The rest is counted together.
const MAX_ROUTES: usize = 1000;
/// The label of requests that matched no route.
pub(crate) const UNMATCHED: &str = "unmatched";
/// The label of requests that were refused before they were routed.
pub(crate) const UNROUTED: &str = "unrouted";

const SERVER: Table = Table {
    name: "http_server",
    help: "Requests by route, method and class of status.",
    columns: &[
        Column::label("listener", "The listener."),
        Column::label("http_route", "The route's pattern; unmatched; or unrouted: refused before the route was known."),
        Column::label("http_request_method", "The method; _OTHER: one that is not known."),
        Column::label("http_response_status_code", "The class of the answer's status; empty without an answer."),
        Column::label("error_type", "5xx: the service failed; cancelled: the client left before there was an answer."),
        Column::counter("requests", "Requests answered or cancelled."),
    ],
};

const LATENCY: Table = Table {
    name: "http_server_request",
    help: "Request durations by route and method.",
    columns: &[
        Column::label("listener", "The listener."),
        Column::label("http_route", "The route's pattern, or unmatched."),
        Column::label("http_request_method", "The method; _OTHER: one that is not known."),
        Column::label("error_type", "5xx: the service failed; cancelled: the client left before there was an answer."),
        Column::duration("duration", "From the head's arrival to the answer's head, or to the client's leaving.")
            .convention("http.server.request.duration"),
    ],
};

const LISTENER: Table = Table {
    name: "http_listener",
    help: "Saturation of a listener.",
    columns: &[
        Column::label("listener", "The listener."),
        Column::gauge("requests_in_flight", "Requests being worked on or answered.")
            .convention("http.server.active_requests"),
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
        Column::counter(
            "connections_gone",
            "Connections dropped when they were accepted, because their client had left them while the event loop was late.",
        ),
        Column::counter("connections_flooded", "HTTP/2 connections ended because of too many control frames."),
        Column::counter("answers_cut", "HTTP/2 answers reset because the client did not take them."),
        Column::counter("cross_site_refused", "Requests answered 403 because a page of another origin sent them."),
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
    /// The clients that stand out.
    pub(crate) clients: Arc<HeavyClients>,
    pub(crate) connections: AtomicU64,
    pub(crate) accepted: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) timed_out: AtomicU64,
    pub(crate) closed_early: AtomicU64,
    pub(crate) gone: AtomicU64,
    pub(crate) flooded: AtomicU64,
    pub(crate) answers_cut: AtomicU64,
    pub(crate) cross_site: AtomicU64,
    pub(crate) panics: AtomicU64,
    pub(crate) deadlines_missed: AtomicU64,
}

impl Traffic {
    pub(crate) fn new(listener: &str) -> Self {
        Self {
            listener: listener.into(),
            routes: RwLock::default(),
            unmatched: Arc::new(declared(UNMATCHED)),
            unrouted: Arc::new(declared(UNROUTED)),
            clients: HeavyClients::new(listener),
            connections: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            timed_out: AtomicU64::new(0),
            closed_early: AtomicU64::new(0),
            gone: AtomicU64::new(0),
            flooded: AtomicU64::new(0),
            answers_cut: AtomicU64::new(0),
            cross_site: AtomicU64::new(0),
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

    /// The name of the listener.
    pub(crate) fn listener(&self) -> &str {
        &self.listener
    }

    /// Makes the series of a route's methods, at zero.
    pub(crate) fn declare(&self, pattern: &str, methods: &[&str]) {
        let route = self.route(Some(pattern));
        methods.iter().for_each(|method| route.declare(method));
    }

    fn all_routes(&self) -> Vec<Arc<Route>> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Arc<Route>> = routes.values().cloned().collect();
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all.push(self.unmatched.clone());
        all.push(self.unrouted.clone());
        all
    }

    /// Counts a request that was refused before it was routed; it has no duration.
    pub(crate) fn refused_unrouted(&self, method: &Method) {
        self.unrouted.count_refused(method);
    }
}

/// A route without a pattern of its own, with the usual methods at zero.
fn declared(name: &str) -> Route {
    let route = Route::new(name);
    ["GET", "POST"].iter().for_each(|method| route.declare(method));
    route
}

/// The tables of one listener, kept alive by its border.
#[derive(Debug)]
pub(crate) struct Vitals {
    _sources: (Arc<Requests>, Arc<Latency>, Arc<Saturation>),
    _clients: ClientVitals,
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
        Self { _sources: sources, _clients: traffic.clients.register(registry) }
    }
}

impl Source for Requests {
    fn table(&self) -> &'static Table {
        &SERVER
    }

    fn rows(&self) -> Vec<TableRow> {
        let mut rows = Vec::new();
        for route in self.0.all_routes() {
            for (method, counts) in route.known() {
                rows.extend(counts.requests().map(|(class, error, count)| {
                    let mut row = labels(&self.0, &route, method, 3);
                    row.extend([
                        TableValue::Text(class.clone()),
                        TableValue::Text(error.clone()),
                        TableValue::from(count),
                    ]);
                    row
                }));
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
            for (method, counts) in route.known() {
                rows.extend(counts.durations().into_iter().map(|(error, durations)| {
                    let mut row = labels(&self.0, &route, method, 2);
                    row.extend([TableValue::Text(error.clone()), TableValue::from(durations)]);
                    row
                }));
            }
        }
        rows
    }
}

/// The labels that rows of both tables begin with, with room for so many further values.
fn labels(traffic: &Traffic, route: &Route, method: &Arc<str>, more: usize) -> TableRow {
    let mut row = Vec::with_capacity(3 + more);
    row.extend([traffic.listener.clone(), route.shared_name(), method.clone()].map(TableValue::Text));
    row
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
            count(&self.traffic.gone),
            count(&self.traffic.flooded),
            count(&self.traffic.answers_cut),
            count(&self.traffic.cross_site),
            count(&self.traffic.panics),
            count(&self.traffic.deadlines_missed),
            TableValue::from(self.limits.body_bytes),
        ]]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::StatusCode;
    use vitals::TraceContext;

    use super::*;

    fn count(traffic: &Traffic, route: Option<&str>, method: &str, status: Option<u16>, millis: u64) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let status = status.map(|status| StatusCode::from_u16(status).unwrap());
        traffic.route(route).count(&method, status, Duration::from_millis(millis), &TraceContext::new());
    }

    #[test]
    fn unknown_methods_and_routes_over_the_bound_do_not_make_new_series() {
        let traffic = Arc::new(Traffic::new("public"));
        for n in 0..2 * MAX_ROUTES {
            count(&traffic, Some(&format!("/{n}")), "GET", Some(200), 0);
        }
        let before = Requests(traffic.clone()).rows().len();
        assert_eq!(before, 6 * (MAX_ROUTES + 4));
        for n in 0..10 {
            count(&traffic, None, &format!("M{n}"), Some(200), 0);
        }
        assert_eq!(Requests(traffic).rows().len(), before + 6);
    }

    #[test]
    fn every_class_of_a_declared_route_is_there_at_zero() {
        let traffic = Arc::new(Traffic::new("public"));
        traffic.declare("/pay", &["POST"]);
        let rows = Requests(traffic.clone()).rows();
        let of_route: Vec<&TableRow> = rows.iter().filter(|row| row[1] == TableValue::text("/pay")).collect();
        let class = |class: &str| of_route.iter().find(|row| row[3] == TableValue::text(class)).map(|row| &row[5]);
        assert_eq!((class("2xx"), class("5xx")), (Some(&TableValue::from(0)), Some(&TableValue::from(0))));
        let durations = Latency(traffic).rows();
        assert_eq!(durations.iter().filter(|row| row[1] == TableValue::text("/pay")).count(), 3);
    }

    #[test]
    fn fast_failures_do_not_improve_the_latency_of_answers() {
        let traffic = Arc::new(Traffic::new("public"));
        count(&traffic, Some("/pay"), "POST", Some(200), 800);
        (0..99).for_each(|_| count(&traffic, Some("/pay"), "POST", Some(503), 1));
        let rows = Latency(traffic).rows();
        let answered = rows.iter().find(|row| row[1] == TableValue::text("/pay") && row[3] == TableValue::text(""));
        let Some(TableValue::Distribution(durations)) = answered.map(|row| &row[4]) else { panic!("{rows:?}") };
        assert_eq!(durations.count(), 1);
        assert!(durations.quantile(0.5) > Duration::from_millis(700));
    }
}
