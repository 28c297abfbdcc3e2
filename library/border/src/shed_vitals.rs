//! Vitals of load shedding: the state of the gate, and its decisions by route and reason.

use std::sync::Arc;

use resilience::Criticality;
use resilience::admission::{AdmissionSnapshot, Reason};
use vitals::{Column, Registry, Source, Table, TableRow, TableValue, Unit};

use crate::shed::Shed;

const GATE: Table = Table {
    name: "http_admission",
    help: "Admission of requests by the latency objective.",
    columns: &[
        Column::label("listener", "The listener."),
        Column::gauge("limit", "Requests that may execute at once; learnt from their latency."),
        Column::gauge("in_flight", "Requests that execute."),
        Column::gauge("long", "Requests that have executed for so long that they do not count any more."),
        Column::gauge("queued_sheddable", "Sheddable requests that wait."),
        Column::gauge("queued_default", "Requests of the default class that wait."),
        Column::gauge("queued_critical", "Critical requests that wait."),
        Column::gauge(
            "limit_sheddable",
            "Sheddable requests that may execute while higher classes suffer; 0: no limit.",
        ),
        Column::gauge(
            "limit_default",
            "Sheddable and default requests that may execute while critical ones suffer; 0: no limit.",
        ),
        Column::gauge("longest_wait", "The longest wait in the queue.").in_unit(Unit::Seconds),
        Column::gauge("standing", "1 while the queue has not been empty for long."),
        Column::gauge("processors_idle", "1 while the processors have time to spare: the limit is not in force."),
        Column::gauge("loop_lag", "Time by which the last tick of the event loop was late.").in_unit(Unit::Seconds),
        Column::counter("admitted", "Requests admitted."),
        Column::counter("refused_before_routing", "Requests refused before their route was known."),
        Column::counter("refused_below_server", "Requests refused below the HTTP server."),
        Column::counter("refused_held", "Refusals for which a client far over its share had to wait."),
    ],
};

const ROUTES: Table = Table {
    name: "http_admission_route",
    help: "Admission of requests by route.",
    columns: &[
        Column::label("listener", "The listener."),
        Column::label(
            "http_route",
            "The route's pattern; other: further routes, and requests whose route was not known.",
        ),
        Column::gauge("objective", "Latency objective.").in_unit(Unit::Seconds),
        Column::gauge(
            "unreachable",
            "1 where the route takes longer than its objective without load: it is not held to it.",
        ),
        Column::gauge("in_flight", "Requests that execute."),
        Column::gauge("queued", "Requests that wait."),
        Column::gauge("limit", "Limit of the route; 0: none of its own."),
        Column::counter("refused_hopeless", "Requests refused because their answer would have come too late."),
        Column::counter("refused_route", "Requests refused because the route was at its limit."),
        Column::counter("refused_full", "Requests refused because the queue was full."),
        Column::counter("refused_waited", "Requests refused because no place became free in time."),
        Column::counter("refused_share", "Requests refused because their client asked for more than its share."),
    ],
};

/// The two tables of one listener, kept alive by its border.
#[derive(Debug)]
pub(crate) struct ShedVitals {
    _sources: (Arc<GateSource>, Arc<RouteSource>),
}

#[derive(Debug)]
struct GateSource(Arc<str>, Arc<Shed>);
#[derive(Debug)]
struct RouteSource(Arc<str>, Arc<Shed>);

impl ShedVitals {
    pub(crate) fn register(registry: &Registry, listener: &str, shed: &Arc<Shed>) -> Self {
        let listener: Arc<str> = listener.into();
        let gate = Arc::new(GateSource(listener.clone(), shed.clone()));
        let routes = Arc::new(RouteSource(listener, shed.clone()));
        registry.register(gate.clone());
        registry.register(routes.clone());
        Self { _sources: (gate, routes) }
    }
}

impl Source for GateSource {
    fn table(&self) -> &'static Table {
        &GATE
    }

    fn rows(&self) -> Vec<TableRow> {
        let Some(gate) = self.1.snapshot() else { return Vec::new() };
        let limit = |class: Criticality| TableValue::from(gate.class_limits[class as usize].unwrap_or(0.0));
        let queued = |class: Criticality| TableValue::from(u64::from(gate.queued[class as usize]));
        let [early, below] = self.1.early();
        vec![vec![
            TableValue::Text(self.0.clone()),
            TableValue::from(gate.limit),
            TableValue::from(u64::from(gate.in_flight)),
            TableValue::from(u64::from(gate.long)),
            queued(Criticality::Sheddable),
            queued(Criticality::Default),
            queued(Criticality::Critical),
            limit(Criticality::Sheddable),
            limit(Criticality::Default),
            TableValue::from(gate.longest_wait.as_secs_f64()),
            TableValue::from(gate.standing),
            TableValue::from(gate.idle || self.1.is_unused()),
            TableValue::from(self.1.lag().as_secs_f64()),
            TableValue::from(gate.admitted),
            TableValue::from(early),
            TableValue::from(below),
            TableValue::from(self.1.held()),
        ]]
    }
}

impl Source for RouteSource {
    fn table(&self) -> &'static Table {
        &ROUTES
    }

    fn rows(&self) -> Vec<TableRow> {
        let Some(AdmissionSnapshot { routes, .. }) = self.1.snapshot() else { return Vec::new() };
        let rows = routes.into_iter().map(|route| {
            let refused = |reason: Reason| {
                let index = Reason::ALL.iter().position(|one| *one == reason);
                TableValue::from(index.map_or(0, |index| route.refused[index]))
            };
            vec![
                TableValue::Text(self.0.clone()),
                TableValue::Text(route.name.clone()),
                TableValue::from(route.objective.as_secs_f64()),
                TableValue::from(route.unreachable),
                TableValue::from(u64::from(route.in_flight)),
                TableValue::from(u64::from(route.queued)),
                TableValue::from(route.limit.unwrap_or_default()),
                refused(Reason::Hopeless),
                refused(Reason::Route),
                refused(Reason::Full),
                refused(Reason::Waited),
                refused(Reason::Share),
            ]
        });
        rows.collect()
    }
}
