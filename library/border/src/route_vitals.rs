//! Vitals of the declared routes: their rules, what they loosen, and the state of bulkheads and rate limits.

use std::sync::Arc;

use vitals::{Column, Registry, Source, Table, TableRow, TableValue, Unit};

use crate::bulkheads::NamedBulkhead;
use crate::route_guard::RouteGuard;
use crate::route_table::{Loosened, RouteTable};

const RULES: Table = Table {
    name: "http_route_rules",
    help: "Declared rules of routes.",
    columns: &[
        Column::label("listener", "The listener."),
        Column::label("http_request_method", "The method; that of GET counts for HEAD too."),
        Column::label("http_route", "The route's pattern."),
        Column::label("access", "public, closed, or empty where nothing is declared."),
        Column::label("criticality", "Criticality of its requests."),
        Column::label("bulkhead", "The bulkhead that it is in; empty: none."),
        Column::label("deprecated", "Date of its deprecation; empty: none."),
        Column::label("sunset", "Date from which on it may be gone; empty: none."),
        Column::gauge("objective", "Latency objective; 0: none.").in_unit(Unit::Seconds),
        Column::gauge("deadline", "Deadline of a request.").in_unit(Unit::Seconds),
        Column::gauge("body_limit", "The most bytes of a body.").in_unit(Unit::Bytes),
    ],
};

const LOOSENED: Table = Table {
    name: "http_route_loosened",
    help: "Routes with rules that are looser than those of their listener.",
    columns: &[
        Column::label("listener", "The listener."),
        Column::label("route", "Method and pattern; the pattern alone where limits of a group are looser."),
        Column::label("loosened", "Names of the limits."),
        Column::state("reason", "The reason; empty for a group of routes."),
        Column::gauge("declared", "Always 1."),
    ],
};

const BULKHEADS: Table = Table {
    name: "http_bulkhead",
    help: "Named bulkheads of routes.",
    columns: &[
        Column::label("listener", "The listener."),
        Column::label("bulkhead", "Name of the bulkhead."),
        Column::gauge("places", "Requests that may execute at once."),
        Column::gauge("in_flight", "Requests that execute."),
        Column::counter("refused", "Requests refused because all places were taken."),
    ],
};

const RATES: Table = Table {
    name: "http_rate_limit",
    help: "Rate limits of routes.",
    columns: &[
        Column::label("listener", "The listener."),
        Column::label("http_request_method", "The method."),
        Column::label("http_route", "The route's pattern."),
        Column::label(
            "policy",
            "route: the limit of all requests; client, caller: that of the requests of each client address, of each identified caller.",
        ),
        Column::gauge("rate", "Requests in each second."),
        Column::gauge("burst", "Requests that pass at once."),
        Column::counter("limited", "Requests refused."),
        Column::counter(
            "forgotten",
            "Clients or callers that were forgotten while they were limited: there were too many.",
        ),
    ],
};

/// The declared routes of a listener with their tables, which live as long as this.
#[derive(Debug)]
pub(crate) struct RouteVitals {
    routes: Arc<RouteTable>,
    _sources: [Arc<RouteSource>; 4],
}

#[derive(Debug)]
struct RouteSource {
    table: &'static Table,
    listener: Arc<str>,
    routes: Arc<RouteTable>,
}

impl RouteVitals {
    pub(crate) fn register(registry: &Registry, listener: &str, routes: RouteTable) -> Self {
        let (listener, routes): (Arc<str>, _) = (listener.into(), Arc::new(routes));
        let source = |table| {
            let source = Arc::new(RouteSource { table, listener: listener.clone(), routes: routes.clone() });
            registry.register(source.clone());
            source
        };
        let sources = [&RULES, &LOOSENED, &BULKHEADS, &RATES].map(source);
        Self { routes, _sources: sources }
    }

    pub(crate) fn table(&self) -> &RouteTable {
        &self.routes
    }
}

impl Source for RouteSource {
    fn table(&self) -> &'static Table {
        self.table
    }

    fn rows(&self) -> Vec<TableRow> {
        let rows = match self.table.name {
            name if name == RULES.name => self.rules(),
            name if name == LOOSENED.name => self.loosened(),
            name if name == BULKHEADS.name => self.bulkheads(),
            _ => self.rates(),
        };
        let listener = || TableValue::Text(self.listener.clone());
        rows.into_iter().map(|row| [vec![listener()], row].concat()).collect()
    }
}

impl RouteSource {
    fn rules(&self) -> Vec<TableRow> {
        let row = |route: &Arc<RouteGuard>| {
            let (rules, limits) = (route.rules(), route.rules().limits(self.routes.listener()));
            let deprecation = rules.deprecation();
            vec![
                TableValue::text(rules.method()),
                TableValue::text(rules.path()),
                TableValue::text(rules.access().map_or("", |access| access.name())),
                TableValue::text(limits.criticality.to_string()),
                TableValue::text(rules.bulkhead_name().unwrap_or_default()),
                TableValue::text(deprecation.map_or("", |deprecation| deprecation.date())),
                TableValue::text(deprecation.and_then(|deprecation| deprecation.sunset_date()).unwrap_or_default()),
                TableValue::from(limits.objective.unwrap_or_default().as_secs_f64()),
                TableValue::from(limits.deadline.as_secs_f64()),
                TableValue::from(limits.body_bytes as f64),
            ]
        };
        self.routes.routes().iter().map(row).collect()
    }

    fn loosened(&self) -> Vec<TableRow> {
        let row = |loosened: Loosened| {
            let texts = [loosened.route, loosened.what, loosened.reason.to_owned()].map(TableValue::text);
            texts.into_iter().chain([TableValue::from(1.0)]).collect()
        };
        self.routes.loosened().into_iter().map(row).collect()
    }

    fn bulkheads(&self) -> Vec<TableRow> {
        let row = |bulkhead: &Arc<NamedBulkhead>| {
            vec![
                TableValue::Text(bulkhead.name()),
                TableValue::from(u64::from(bulkhead.places())),
                TableValue::from(u64::from(bulkhead.in_use())),
                TableValue::from(bulkhead.refused()),
            ]
        };
        self.routes.bulkheads().iter().map(row).collect()
    }

    fn rates(&self) -> Vec<TableRow> {
        let limited = self.routes.routes().iter().filter_map(|route| Some((route.rules(), route.rate()?)));
        let rows = limited.flat_map(|(rules, rate)| {
            rate.states().map(|state| {
                vec![
                    TableValue::text(rules.method()),
                    TableValue::text(rules.path()),
                    TableValue::text(state.policy),
                    TableValue::from(f64::from(state.rules.rate) / state.rules.per.as_secs_f64()),
                    TableValue::from(u64::from(state.rules.burst)),
                    TableValue::from(state.limited),
                    TableValue::from(state.forgotten),
                ]
            })
        });
        rows.collect()
    }
}
