//! A registry as a service has it.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_console::query::{Answer, Cell, Query, QueryError, Question};
use vitals::{Column, Histogram, Registry, Source, Table, TableRow, TableValue, Unit};

pub(crate) const ROUTE: Table = Table {
    name: "route",
    help: "Requests by route.",
    columns: &[
        Column::label("name", "The route."),
        Column::counter("requests", "Requests."),
        Column::gauge("load", "The share in use."),
        Column::gauge("is_open", "1 while it is open."),
        Column::gauge("memory", "Memory.").in_unit(Unit::Bytes),
        Column::words("state", &["up", "down"], "The state."),
        Column::duration("duration", "Durations."),
    ],
};

/// Rows of the table `route`.
pub(crate) struct Routes {
    pub(crate) count: usize,
    pub(crate) durations: Histogram,
}

impl Source for Routes {
    fn table(&self) -> &'static Table {
        &ROUTE
    }

    fn rows(&self) -> Vec<TableRow> {
        let row = |number: usize| {
            vec![
                TableValue::text(format!("/route/{number}")),
                TableValue::from(number as u64),
                TableValue::from(0.5),
                TableValue::from(number == 0),
                TableValue::from(1024.0),
                TableValue::text("up"),
                TableValue::from(self.durations.snapshot()),
            ]
        };
        (0..self.count).map(row).collect()
    }
}

/// A service with this many routes; the source lives as long as what is returned.
pub(crate) fn service(count: usize) -> (Query, Registry, Arc<Routes>) {
    let (registry, routes) = (Registry::new(), Arc::new(Routes { count, durations: Histogram::new() }));
    (0..100).for_each(|millis| routes.durations.record(Duration::from_millis(millis)));
    registry.register(routes.clone());
    (Query::new(&registry), registry, routes)
}

/// The answer to a statement about a service of three routes.
pub(crate) async fn ask(sql: &str) -> Result<Answer, QueryError> {
    let (query, _registry, _routes) = service(3);
    query.ask(Question::new(sql)).await
}

/// The first cell of the answer.
pub(crate) async fn cell(sql: &str) -> Cell {
    let answer = ask(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    answer.rows.first().and_then(|row| row.first()).cloned().unwrap_or_else(|| panic!("{sql}: no cell"))
}
