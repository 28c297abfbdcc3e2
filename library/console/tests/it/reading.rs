//! Statements that read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use evenkeel_console::query::{Cell, Query, QueryError, Question};
use vitals::{Column, Registry, Source, Table, TableRow, TableValue};

use crate::service::{ask, cell, service};

#[tokio::test]
async fn rows_are_those_of_the_moment_with_their_kinds() {
    let answer = ask("SELECT * FROM route WHERE name = '/route/0'").await.unwrap();
    assert_eq!(answer.columns[..4], ["name", "requests", "load", "is_open"]);
    assert_eq!(answer.rows.len(), 1);
    assert_eq!(
        answer.rows[0][..6],
        [
            Cell::Text("/route/0".into()),
            Cell::Integer(0),
            Cell::Real(0.5),
            Cell::Integer(1),
            Cell::Real(1024.0),
            Cell::Text("up".into()),
        ]
    );
    assert_eq!(answer.cut, None);
}

#[tokio::test]
async fn joins_aggregates_windows_and_recursion_are_answered() {
    for (sql, expected) in [
        ("SELECT sum(requests) FROM route", 3),
        ("SELECT count(*) FROM route", 3),
        ("SELECT count(*) FROM route a JOIN route b ON a.requests < b.requests", 3),
        ("SELECT max(number) FROM (SELECT row_number() OVER (ORDER BY name) AS number FROM route)", 3),
        ("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 10) SELECT sum(x) FROM n", 55),
        ("SELECT json_extract('{\"a\": 7}', '$.a')", 7),
        ("SELECT REQUESTS FROM ROUTE WHERE name = '/route/2'", 2),
        ("SELECT requests FROM route WHERE name = '/route/2'; -- the end", 2),
    ] {
        assert_eq!(cell(sql).await, Cell::Integer(expected), "{sql}");
    }
}

#[tokio::test]
async fn a_distribution_shows_the_last_minute() {
    let answer =
        ask("SELECT duration_count, duration_sum, duration_p50, duration_p99 FROM route LIMIT 1").await.unwrap();
    let [Cell::Integer(100), Cell::Real(sum), Cell::Real(p50), Cell::Real(p99)] = answer.rows[0][..] else {
        panic!("{:?}", answer.rows)
    };
    assert!((sum - 4.95).abs() < 1e-6 && (p50 - 0.05).abs() < 0.003 && (p99 - 0.098).abs() < 0.004, "{answer:?}");
    let (query, registry, _routes) = service(1);
    (0..16).for_each(|_| registry.record_history());
    let later = query.ask(Question::new("SELECT duration_count, duration_p99 FROM route")).await.unwrap();
    assert_eq!(later.rows, [[Cell::Integer(0), Cell::Null]]);
}

#[tokio::test]
async fn the_catalogue_lists_tables_columns_and_queries() {
    let text = |text: &str| Cell::Text(text.to_owned());
    assert_eq!(cell("SELECT help FROM vitals_tables WHERE table_name = 'route'").await, text("Requests by route."));
    let answer =
        ask("SELECT kind, unit, words, help FROM vitals_columns WHERE table_name = 'route' AND column_name = 'state'");
    assert_eq!(answer.await.unwrap().rows, [["words", "", "up, down", "The state."].map(text)]);
    assert_eq!(cell("SELECT count(*) FROM sqlite_schema WHERE name IN ('route', 'events')").await, Cell::Integer(2));
    assert_eq!(cell("SELECT count(*) FROM vitals_queries").await, Cell::Integer(0), "their tables are not there");
}

#[tokio::test]
async fn only_the_tables_of_the_statement_are_read() {
    const OTHER: Table = Table { name: "other", help: "Another.", columns: &[Column::label("name", "A name.")] };
    #[derive(Default)]
    struct Other(AtomicBool);
    impl Source for Other {
        fn table(&self) -> &'static Table {
            &OTHER
        }
        fn rows(&self) -> Vec<TableRow> {
            self.0.store(true, Ordering::Relaxed);
            vec![vec![TableValue::text("read")]]
        }
    }
    let (query, registry, _routes) = service(3);
    let other = Arc::new(Other::default());
    registry.register(other.clone());
    query.ask(Question::new("SELECT name FROM route UNION SELECT name FROM vitals_tables")).await.unwrap_err();
    query.ask(Question::new("SELECT name FROM route UNION SELECT table_name FROM vitals_tables")).await.unwrap();
    assert!(!other.0.load(Ordering::Relaxed));
    let read = query.ask(Question::new("SELECT * FROM route JOIN other")).await.unwrap();
    assert!(other.0.load(Ordering::Relaxed) && read.rows.len() == 3);
}

#[tokio::test]
async fn events_of_the_bus_are_a_table() {
    let registry = Registry::new();
    registry.bus().publish("breaker", "bank", "open", "5 of 5 calls failed");
    let query = Query::new(&registry);
    let answer = query.ask(Question::new("SELECT sequence, part, name, state, reason, at > 1.7e9 FROM events")).await;
    let text = |text: &str| Cell::Text(text.to_owned());
    assert_eq!(
        answer.unwrap().rows,
        [[
            Cell::Integer(1),
            text("breaker"),
            text("bank"),
            text("open"),
            text("5 of 5 calls failed"),
            Cell::Integer(1)
        ]]
    );
}

#[tokio::test]
async fn a_query_with_a_name_is_there_when_its_tables_are() {
    const POLICY: Table = Table {
        name: "policy",
        help: "Guards.",
        columns: &[
            Column::label("name", "The dependency."),
            Column::words("breaker", &["closed", "open"], "The breaker."),
            Column::state("breaker_order", "The order."),
            Column::gauge("failure_share", "The share."),
            Column::gauge("calls_at_a_time", "Permits."),
            Column::gauge("calls_in_flight", "Calls."),
            Column::gauge("calls_waiting", "Calls that wait."),
        ],
    };
    struct Guards;
    impl Source for Guards {
        fn table(&self) -> &'static Table {
            &POLICY
        }
        fn rows(&self) -> Vec<TableRow> {
            let row = |name: &str, breaker: &str, used: u64| {
                let [name, breaker, order] = [name, breaker, ""].map(TableValue::text);
                vec![name, breaker, order, 0.5.into(), 8u64.into(), used.into(), 0u64.into()]
            };
            vec![row("bank", "open", 1), row("mail", "closed", 8)]
        }
    }
    let (registry, guards) = (Registry::new(), Arc::new(Guards));
    let query = Query::new(&registry);
    let Err(QueryError::UnknownName { known, .. }) = query.named("open-breakers") else { panic!("no table is there") };
    assert_eq!(known, "");
    registry.register(guards.clone());
    let answer = query.ask(query.named("open-breakers").unwrap()).await.unwrap();
    assert_eq!((answer.rows.len(), &answer.rows[0][0]), (1, &Cell::Text("bank".into())));
    let pools = query.ask(query.named("full-pools").unwrap()).await.unwrap();
    assert_eq!(pools.rows[0][1..4], [Cell::Text("mail".into()), Cell::Integer(8), Cell::Integer(8)]);
    assert_eq!(pools.columns, ["pool", "name", "used", "most", "waiting"]);
    let unknown = query.named("nonsense").unwrap_err().to_string();
    assert!(unknown.contains("open-breakers, full-pools"), "{unknown}");
}

#[tokio::test]
async fn trim_takes_a_set_of_characters() {
    let text = |text: &str| Cell::Text(text.to_owned());
    assert_eq!(cell("SELECT trim('xxayxx', 'xy')").await, text("a"));
    assert_eq!(cell("SELECT ltrim('xxaxx', 'x')").await, text("axx"));
    assert_eq!(cell("SELECT rtrim('xxaxx', 'x')").await, text("xxa"));
    assert_eq!(cell("SELECT trim('  a  ')").await, text("a"));
    assert_eq!(cell("SELECT trim(NULL, 'x')").await, Cell::Null);
    assert_eq!(cell("SELECT trim(121, 1)").await, text("2"));
}
