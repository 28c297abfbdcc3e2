//! The registry as Prometheus text, exposition format 0.0.4.
//!
//! A metric's name is `TABLE_COLUMN`, with `_total` for counters and the unit (`_seconds`, `_bytes`); a table's label
//! columns are its labels. Histograms show cumulative buckets at fixed bounds.

use std::fmt::Write;

use vitals::{Column, HistogramSnapshot, Kind, Snapshot, Table, TableRow, TableValue, Unit};

/// The content type of [`text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of histogram buckets: microseconds, and the same in seconds as shown.
const BUCKETS: [(u64, &str); 16] = [
    (250, "0.00025"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (5_000_000, "5"),
    (10_000_000, "10"),
    (30_000_000, "30"),
];

/// All numbers of the snapshots.
pub fn text(snapshots: &[Snapshot]) -> String {
    let mut out = String::with_capacity(4096);
    for snapshot in snapshots.iter().filter(|snapshot| !snapshot.rows.is_empty()) {
        for (index, column) in snapshot.table.columns.iter().enumerate() {
            write_metric(&mut out, snapshot, index, column);
        }
    }
    out
}

fn write_metric(out: &mut String, snapshot: &Snapshot, index: usize, column: &Column) {
    let kind = match column.kind {
        Kind::Label | Kind::State => return,
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let name = metric_name(snapshot.table, column);
    let _ =
        writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", column.help.replace('\\', "\\\\").replace('\n', "\\n"));
    for row in &snapshot.rows {
        let labels = labels_of(snapshot.table, row);
        match &row[index] {
            TableValue::Distribution(histogram) => write_histogram(out, &name, &labels, histogram),
            value => {
                let number = value.number().unwrap_or(f64::NAN);
                let _ = writeln!(out, "{name}{} {number}", braced(&labels, ""));
            }
        }
    }
}

fn metric_name(table: &Table, column: &Column) -> String {
    let unit = match column.unit {
        Unit::None => "",
        Unit::Seconds => "_seconds",
        Unit::Bytes => "_bytes",
    };
    let total = if column.kind == Kind::Counter { "_total" } else { "" };
    format!("{}_{}{unit}{total}", table.name, column.name)
}

fn labels_of(table: &Table, row: &TableRow) -> String {
    let mut labels = String::new();
    for (column, value) in table.columns.iter().zip(row).filter(|(column, _)| column.kind == Kind::Label) {
        let TableValue::Text(text) = value else { continue };
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let comma = if labels.is_empty() { "" } else { "," };
        let _ = write!(labels, r#"{comma}{}="{escaped}""#, column.name);
    }
    labels
}

fn braced(labels: &str, more: &str) -> String {
    match (labels.is_empty(), more.is_empty()) {
        (true, true) => String::new(),
        (false, false) => format!("{{{labels},{more}}}"),
        _ => format!("{{{labels}{more}}}"),
    }
}

fn write_histogram(out: &mut String, name: &str, labels: &str, histogram: &HistogramSnapshot) {
    for (micros, seconds) in BUCKETS {
        let bound = braced(labels, &format!(r#"le="{seconds}""#));
        let _ = writeln!(out, "{name}_bucket{bound} {}", histogram.at_most(micros));
    }
    let count = histogram.count();
    let _ = writeln!(out, "{name}_bucket{} {count}", braced(labels, r#"le="+Inf""#));
    let _ = writeln!(out, "{name}_sum{} {}", braced(labels, ""), histogram.sum_micros() as f64 / 1e6);
    let _ = writeln!(out, "{name}_count{} {count}", braced(labels, ""));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use vitals::Histogram;

    use super::*;

    const ROUTE: Table = Table {
        name: "http_server",
        help: "Requests.",
        columns: &[
            Column::label("route", "The route."),
            Column::counter("requests", "Requests answered."),
            Column::duration("request_duration", "From head to answer."),
            Column::state("mood", "Not a metric."),
        ],
    };

    #[test]
    fn rows_become_metrics_with_escaped_labels_and_cumulative_buckets() {
        let histogram = Histogram::new();
        histogram.record(Duration::from_millis(3));
        let row = vec![
            TableValue::text("/a\"b\\"),
            TableValue::from(7u64),
            TableValue::from(histogram.snapshot()),
            TableValue::text("well"),
        ];
        let text = text(&[Snapshot { table: &ROUTE, rows: vec![row] }]);
        let expected = [
            "# HELP http_server_requests_total Requests answered.",
            "# TYPE http_server_requests_total counter",
            r#"http_server_requests_total{route="/a\"b\\"} 7"#,
            "# TYPE http_server_request_duration_seconds histogram",
            r#"http_server_request_duration_seconds_bucket{route="/a\"b\\",le="0.0025"} 0"#,
            r#"http_server_request_duration_seconds_bucket{route="/a\"b\\",le="0.005"} 1"#,
            r#"http_server_request_duration_seconds_bucket{route="/a\"b\\",le="+Inf"} 1"#,
            r#"http_server_request_duration_seconds_sum{route="/a\"b\\"} 0.003"#,
            r#"http_server_request_duration_seconds_count{route="/a\"b\\"} 1"#,
        ];
        for line in expected {
            assert!(text.lines().any(|shown| shown == line), "{line}\nis not in\n{text}");
        }
        assert!(!text.contains("mood"));
    }
}
