//! The health document: the registry as JSON, with build, start time, and the state of every part.

use serde_json::{Map, Value as Json, json};
use vitals::{Instance, Registry, Snapshot, TableValue};

use crate::logs::Timestamp;

/// Version, commit, host, uptime, and every vital as a table of rows.
pub fn document(instance: &Instance, registry: &Registry, ready: bool) -> Json {
    let build = instance.build();
    let vitals: Map<String, Json> =
        registry.snapshot().iter().map(|snapshot| (snapshot.table.name.to_owned(), rows_of(snapshot))).collect();
    json!({
        "status": if ready { "ready" } else { "not ready" },
        "name": build.name,
        "version": build.version,
        "commit": build.commit,
        "host": instance.host(),
        "started": Timestamp(instance.started()).to_string(),
        "uptime_seconds": instance.uptime().as_secs(),
        "vitals": vitals,
    })
}

fn rows_of(snapshot: &Snapshot) -> Json {
    let row_of = |row: &vitals::TableRow| {
        let cells = snapshot.table.columns.iter().zip(row);
        Json::Object(cells.map(|(column, value)| (column.name.to_owned(), cell_of(value))).collect())
    };
    snapshot.rows.iter().map(row_of).collect()
}

fn cell_of(value: &TableValue) -> Json {
    match value {
        TableValue::Text(text) => Json::from(&**text),
        TableValue::Count(count) => Json::from(*count),
        TableValue::Level(level) => Json::from(*level),
        TableValue::Flag(flag) => Json::from(*flag),
        TableValue::Distribution(histogram) => {
            let milliseconds = |q| histogram.quantile_micros(q) as f64 / 1e3;
            json!({
                "count": histogram.count(),
                "p50_ms": milliseconds(0.5),
                "p99_ms": milliseconds(0.99),
                "p999_ms": milliseconds(0.999),
            })
        }
    }
}
