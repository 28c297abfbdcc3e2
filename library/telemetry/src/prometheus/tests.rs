use std::collections::HashSet;
use std::time::Duration;

use vitals::{Column, Histogram, Table, TableRow, TableValue, TraceContext, Unit};

use super::*;

const ROUTE: Table = Table {
    name: "shop_route",
    help: "Requests.",
    columns: &[
        Column::label("http_route", "The route."),
        Column::counter("requests", "Requests answered."),
        Column::duration("duration", "From head to answer.").convention("http.server.request.duration"),
        Column::words("breaker", &["closed", "open"], "The breaker."),
        Column::gauge("body_limit", "The largest body.").in_unit(Unit::Bytes),
        Column::state("mood", "Not a metric."),
    ],
};

fn snapshot() -> Snapshot {
    let histogram = Histogram::new();
    let sampled: TraceContext = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().unwrap();
    histogram.record(Duration::from_millis(3));
    histogram.record_traced(Duration::from_millis(700), &sampled);
    let row = vec![
        TableValue::text("/a\"b\\"),
        TableValue::from(7u64),
        TableValue::from(histogram.snapshot()),
        TableValue::text("open"),
        TableValue::from(1024u64),
        TableValue::text("well"),
    ];
    Snapshot { table: &ROUTE, rows: vec![row] }
}

fn assert_has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|shown| shown == *line), "{line}\nis not in\n{text}");
    }
}

#[test]
fn rows_become_metrics_with_escaped_labels_and_cumulative_buckets() {
    let text = text(&[snapshot()]);
    assert_has(
        &text,
        &[
            "# HELP shop_route_requests_total Requests answered.",
            "# TYPE shop_route_requests_total counter",
            r#"shop_route_requests_total{http_route="/a\"b\\"} 7"#,
            "# TYPE http_server_request_duration_seconds histogram",
            r#"http_server_request_duration_seconds_bucket{http_route="/a\"b\\",le="0.001953125"} 0"#,
            r#"http_server_request_duration_seconds_bucket{http_route="/a\"b\\",le="0.00390625"} 1"#,
            r#"http_server_request_duration_seconds_bucket{http_route="/a\"b\\",le="1.0"} 2"#,
            r#"http_server_request_duration_seconds_bucket{http_route="/a\"b\\",le="+Inf"} 2"#,
            r#"http_server_request_duration_seconds_sum{http_route="/a\"b\\"} 0.703"#,
            r#"http_server_request_duration_seconds_count{http_route="/a\"b\\"} 2"#,
            r#"shop_route_breaker{http_route="/a\"b\\",breaker="closed"} 0"#,
            r#"shop_route_breaker{http_route="/a\"b\\",breaker="open"} 1"#,
            r#"shop_route_body_limit_bytes{http_route="/a\"b\\"} 1024"#,
        ],
    );
    assert!(!text.contains("mood") && !text.contains("trace_id"));
}

#[test]
fn open_metrics_has_exemplars_units_and_an_end() {
    let text = String::from_utf8(exposition(Format::OpenMetrics, &[snapshot()])).unwrap();
    assert_has(
        &text,
        &[
            "# TYPE shop_route_requests counter",
            r#"shop_route_requests_total{http_route="/a\"b\\"} 7"#,
            "# UNIT http_server_request_duration_seconds seconds",
        ],
    );
    let bucket = text.lines().find(|line| line.contains(r#"le="1.0""#)).unwrap();
    let exemplar = r#" # {trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"} 0.7 "#;
    assert!(bucket.contains(exemplar), "{bucket}");
    assert_eq!(text.matches("trace_id").count(), 1);
    assert!(text.ends_with("\n# EOF\n"));
}

/// A scrape of many routes.
fn many_routes() -> Vec<Snapshot> {
    let mut snapshot = snapshot();
    let row = snapshot.rows.remove(0);
    snapshot.rows = (0..500).map(|number| with_route(&row, &format!("/r{number}"))).collect();
    vec![snapshot, self::snapshot()]
}

fn with_route(row: &TableRow, route: &str) -> TableRow {
    let mut row = row.clone();
    row[0] = TableValue::text(route);
    row
}

#[test]
fn a_large_scrape_comes_in_bounded_parts_of_whole_lines_without_loss() {
    let snapshots = many_routes();
    for format in [Format::Text, Format::OpenMetrics] {
        let parts: Vec<Vec<u8>> = Chunks::new(format, &snapshots).collect();
        assert!(parts.len() > 10, "{} parts", parts.len());
        for part in &parts {
            // The last series of a part may pass the bound.
            assert!(part.len() < CHUNK + 8 * 1024 && part.ends_with(b"\n"), "{} bytes", part.len());
        }
        let text = String::from_utf8(parts.concat()).unwrap();
        assert_eq!(text.matches("# TYPE shop_route_breaker gauge\n").count(), 2, "a head for each table");
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("\"/r")).collect();
        let different: HashSet<&str> = lines.iter().copied().collect();
        assert_eq!(lines.len(), different.len(), "no series is there twice");
        for number in 0..500 {
            for line in [
                format!("shop_route_requests_total{{http_route=\"/r{number}\"}} 7"),
                format!("http_server_request_duration_seconds_count{{http_route=\"/r{number}\"}} 2"),
            ] {
                assert!(different.contains(&*line), "{line}");
            }
        }
    }
}

#[test]
fn a_scrape_in_parts_is_the_whole_one_in_each_format() {
    let snapshots = many_routes();
    for format in [Format::Text, Format::OpenMetrics, Format::Protobuf] {
        let parts: Vec<Vec<u8>> = Chunks::new(format, snapshots.clone()).collect();
        assert!(parts.len() > 1 && parts.iter().all(|part| part.len() < CHUNK + 8 * 1024), "{} parts", parts.len());
        assert_eq!(parts.concat(), exposition(format, &snapshots));
    }
    assert_eq!(Chunks::new(Format::Text, Vec::<Snapshot>::new()).count(), 0);
    assert_eq!(Chunks::new(Format::OpenMetrics, Vec::<Snapshot>::new()).collect::<Vec<_>>(), [b"# EOF\n"]);
}

#[test]
fn one_table_is_in_memory_at_a_time() {
    let given = std::cell::Cell::new(0);
    let tables = many_routes().into_iter().inspect(|_| given.set(given.get() + 1));
    let mut parts = Chunks::new(Format::Text, tables);
    assert!(parts.next().is_some());
    assert_eq!(given.get(), 1);
    assert!(parts.count() > 1);
    assert_eq!(given.get(), 2);
}

#[test]
fn a_table_without_rows_has_no_metric() {
    assert_eq!(text(&[Snapshot { table: &ROUTE, rows: Vec::new() }]), "");
}
