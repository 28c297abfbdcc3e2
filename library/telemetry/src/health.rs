//! The health document: the registry as JSON, with build, start time, and the state of every part.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use vitals::{Instance, Kind, Registry, Snapshot, TableValue};

use crate::Timestamp;

/// The window of distributions.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Version, commit, host, uptime, and every vital as a table of rows. Distributions are those of the last minute. Tables that are no metrics, such as that
/// of clients, are in [`document_of`] alone.
///
/// `status` is `not ready`, `ready`, or `warn` for a service that is ready while a part of it does not work as it should; `warnings` names
/// these parts.
pub fn document(instance: &Instance, registry: &Registry, ready: bool) -> Json {
    shown(instance, registry, ready, &registry.metrics().collect::<Vec<_>>(), |_| true)
}

/// The same document with the tables of these parts alone. The status and the warnings are those of all parts.
///
/// # Errors
/// When there is no table of one of the names.
pub fn document_of(instance: &Instance, registry: &Registry, ready: bool, parts: &[&str]) -> Result<Json, UnknownPart> {
    let shapes = registry.shapes();
    let is_known = |part: &str| shapes.iter().any(|table| table.name == part);
    if let Some(unknown) = parts.iter().find(|part| !is_known(part)) {
        let known = shapes.iter().map(|table| table.name).collect::<Vec<_>>().join(", ");
        return Err(UnknownPart { part: (*unknown).to_owned(), known });
    }
    let others = shapes.iter().filter(|table| !table.is_metric() && parts.contains(&table.name));
    let others: Vec<&str> = others.map(|table| table.name).collect();
    let mut tables: Vec<Snapshot> = registry.metrics().collect();
    tables.extend(registry.snapshot_of(&others));
    Ok(shown(instance, registry, ready, &tables, |table| parts.contains(&table)))
}

/// There is no table of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no part {part:?}; the parts are {known}")]
pub struct UnknownPart {
    part: String,
    known: String,
}

fn shown(
    instance: &Instance,
    registry: &Registry,
    ready: bool,
    tables: &[Snapshot],
    is_shown: impl Fn(&str) -> bool,
) -> Json {
    let build = instance.build();
    let warnings: Vec<String> = tables.iter().flat_map(warnings_of).collect();
    let vitals: Map<String, Json> = tables
        .iter()
        .filter(|snapshot| is_shown(snapshot.table.name))
        .map(|snapshot| (snapshot.table.name.to_owned(), rows_of(snapshot, registry)))
        .collect();
    let status = match (ready, warnings.is_empty()) {
        (false, _) => "not ready",
        (true, true) => "ready",
        (true, false) => "warn",
    };
    json!({
        "status": status,
        "warnings": warnings,
        "name": build.name,
        "version": build.version,
        "commit": build.commit,
        "host": instance.host(),
        "started": Timestamp(instance.started()).to_string(),
        "uptime_seconds": instance.uptime().as_secs(),
        "window_seconds": WINDOW.as_secs(),
        "vitals": vitals,
    })
}

/// The rows whose state is one of its column's degraded words.
fn warnings_of(snapshot: &Snapshot) -> impl Iterator<Item = String> {
    let table = snapshot.table;
    let states = |row| table.columns.iter().zip::<&Vec<TableValue>>(row);
    snapshot.rows.iter().flat_map(move |row| {
        let labels: Vec<&str> = table.labels(row).collect();
        let part = [&[table.name], labels.as_slice()].concat().join(" ");
        states(row).filter_map(move |(column, value)| {
            let word = value.as_text().filter(|word| column.degraded.contains(word))?;
            matches!(column.kind, Kind::Words(_)).then(|| format!("{part}: {} is {word}", column.name))
        })
    })
}

fn rows_of(snapshot: &Snapshot, registry: &Registry) -> Json {
    let row_of = |row: &vitals::TableRow| {
        let cells = snapshot.table.columns.iter().zip(row).enumerate();
        let cell = |index, value: &TableValue| match value {
            TableValue::Distribution(_) => window_of(snapshot, row, index, registry),
            value => cell_of(value),
        };
        Json::Object(cells.map(|(index, (column, value))| (column.name.to_owned(), cell(index, value))).collect())
    };
    snapshot.rows.iter().map(row_of).collect()
}

fn cell_of(value: &TableValue) -> Json {
    match value {
        TableValue::Text(text) => Json::from(&**text),
        TableValue::Count(count) => Json::from(*count),
        TableValue::Level(level) => Json::from(*level),
        TableValue::Flag(flag) => Json::from(*flag),
        TableValue::Distribution(_) => Json::Null,
    }
}

/// A distribution of the last minute.
fn window_of(snapshot: &Snapshot, row: &vitals::TableRow, column: usize, registry: &Registry) -> Json {
    let window = registry.history().distribution(snapshot.table, row, column, WINDOW);
    let milliseconds = |q| (window.quantile(q).as_secs_f64() * 1e6).round() / 1e3;
    json!({
        "count": window.count(),
        "p50_ms": milliseconds(0.5),
        "p99_ms": milliseconds(0.99),
        "p999_ms": milliseconds(0.999),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vitals::{Build, Column, Histogram, Source, Table, TableRow};

    use super::*;

    const CALLS: Table = Table {
        name: "calls",
        help: "Calls.",
        columns: &[
            Column::label("name", "The dependency."),
            Column::words("breaker", &["closed", "open"], "The breaker.").degraded(&["open"]),
            Column::duration("duration", "Durations."),
        ],
    };

    struct Calls {
        breaker: &'static str,
        durations: Histogram,
    }

    impl Source for Calls {
        fn table(&self) -> &'static Table {
            &CALLS
        }
        fn rows(&self) -> Vec<TableRow> {
            let durations = TableValue::from(self.durations.snapshot());
            vec![vec![TableValue::text("bank"), TableValue::text(self.breaker), durations]]
        }
    }

    fn shown_with(breaker: &'static str, ready: bool) -> (Json, Registry, Arc<Calls>) {
        let (registry, calls) = (Registry::new(), Arc::new(Calls { breaker, durations: Histogram::new() }));
        registry.register(calls.clone());
        let instance = Instance::new(Build { name: "shop", version: "1", commit: "abc" });
        (document(&instance, &registry, ready), registry, calls)
    }

    #[test]
    fn a_part_in_a_degraded_state_is_a_warning_of_a_service_that_is_ready() {
        let (well, ..) = shown_with("closed", true);
        assert_eq!((&well["status"], &well["warnings"]), (&Json::from("ready"), &json!([])));
        let (sick, ..) = shown_with("open", true);
        assert_eq!(sick["status"], "warn");
        assert_eq!(sick["warnings"], json!(["calls bank: breaker is open"]));
        assert_eq!(shown_with("open", false).0["status"], "not ready");
    }

    #[test]
    fn a_part_alone_has_the_status_of_all_and_an_unknown_one_is_an_error_with_the_known_ones() {
        let (registry, calls) = (Registry::new(), Arc::new(Calls { breaker: "open", durations: Histogram::new() }));
        registry.register(calls.clone());
        let instance = Instance::new(Build { name: "shop", version: "1", commit: "abc" });
        let part = document_of(&instance, &registry, true, &["calls"]).unwrap();
        assert_eq!((&part["status"], part["vitals"].as_object().unwrap().len()), (&Json::from("warn"), 1));
        let none = document_of(&instance, &registry, true, &[]).unwrap();
        assert_eq!((&none["status"], &none["vitals"]), (&Json::from("warn"), &json!({})));
        let error = document_of(&instance, &registry, true, &["calls", "bank"]).unwrap_err().to_string();
        assert_eq!(error, "there is no part \"bank\"; the parts are calls");
    }

    #[test]
    fn a_table_that_is_no_metric_is_shown_to_those_who_ask_for_it_and_is_in_no_export() {
        const CLIENTS: Table = Table {
            name: "clients",
            help: "Clients.",
            columns: &[Column::key("client", "Its address."), Column::gauge("requests", "Requests.")],
        };
        struct Clients;
        impl Source for Clients {
            fn table(&self) -> &'static Table {
                &CLIENTS
            }
            fn rows(&self) -> Vec<TableRow> {
                vec![vec![TableValue::text("192.0.2.1"), TableValue::from(3u64)]]
            }
        }
        let (_, registry, _calls) = shown_with("closed", true);
        let clients = Arc::new(Clients);
        registry.register(clients.clone());
        let instance = Instance::new(Build { name: "shop", version: "1", commit: "abc" });
        let whole = document(&instance, &registry, true);
        assert_eq!(whole["vitals"].as_object().unwrap().keys().collect::<Vec<_>>(), ["calls"]);
        let part = document_of(&instance, &registry, true, &["clients"]).unwrap();
        assert_eq!(part["vitals"], json!({ "clients": [{ "client": "192.0.2.1", "requests": 3 }] }));
        // Neither where somebody exports all tables.
        let text = crate::prometheus::text(&registry.snapshot());
        assert!(text.contains("calls_duration") && !text.contains("192.0.2.1") && !text.contains("clients"), "{text}");
    }

    #[test]
    fn percentiles_are_those_of_the_last_minute() {
        let (_, registry, calls) = shown_with("closed", true);
        let instance = Instance::new(Build { name: "shop", version: "1", commit: "abc" });
        let p99 = || document(&instance, &registry, true)["vitals"]["calls"][0]["duration"]["p99_ms"].clone();
        calls.durations.record(Duration::from_secs(2));
        assert!(p99().as_f64().unwrap() > 1900.0);
        for _ in 0..16 {
            registry.record_history();
        }
        assert_eq!(p99(), 0.0);
    }
}
