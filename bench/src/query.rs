//! SQL over live state: the time of a question over many rows, and the cut of one without an end.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use evenkeel::console::query::{Cut, Query, Question};
use evenkeel::vitals::{Column, Registry, Source, Table, TableRow, TableValue};

/// Tables of the registry.
const TABLES: usize = 41;
/// Rows of the large table, and of another one that has as many as a usual service has in all.
const ROWS: [usize; 2] = [10_000, 400];
/// Questions of each kind.
const QUESTIONS: usize = 200;
/// Time of a question without an end.
const LIMIT: Duration = Duration::from_millis(50);
/// Questions without an end.
const CUTS: usize = 40;

const ENDLESS: [(&str, &str); 2] = [
    ("a recursion", "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"),
    ("a cross join", "SELECT count(*) FROM table_1 a, table_1 b, table_1 c, table_1 d"),
];

const COLUMNS: &[Column] = &[
    Column::label("name", "The part."),
    Column::counter("requests", "Requests."),
    Column::gauge("used", "Places in use."),
    Column::gauge("most", "Places."),
    Column::words("state", &["up", "down"], "The state."),
];

struct Rows {
    table: &'static Table,
    rows: usize,
}

impl Source for Rows {
    fn table(&self) -> &'static Table {
        self.table
    }

    fn rows(&self) -> Vec<TableRow> {
        let row = |number: usize| {
            vec![
                TableValue::text(format!("/v1/things/{number}")),
                TableValue::from(number as u64),
                TableValue::from(0.5),
                TableValue::from(8u64),
                TableValue::text("up"),
            ]
        };
        (0..self.rows).map(row).collect()
    }
}

/// A registry with many tables, the first two of them with rows.
fn registry() -> (Registry, Vec<Arc<Rows>>) {
    let registry = Registry::new();
    let source = |number: usize| {
        let name: &'static str = Box::leak(format!("table_{number}").into_boxed_str());
        let table: &'static Table = Box::leak(Box::new(Table { name, help: "A table.", columns: COLUMNS }));
        let source = Arc::new(Rows { table, rows: ROWS.get(number).copied().unwrap_or_default() });
        registry.register(source.clone());
        source
    };
    let sources = (0..TABLES).map(source).collect();
    (registry, sources)
}

/// The part of the report about questions.
pub(crate) fn report() -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(measured())
}

async fn measured() -> Result<String, String> {
    let (registry, _sources) = registry();
    let query = Query::new(&registry);
    let mut text = format!(
        "## SQL over live state\n\nA registry of {TABLES} tables. Each question opens a database, declares the tables, copies the rows that it reads, and is answered in \
         JSON; {QUESTIONS} questions of each kind, one after the other.\n\n| | median | 99th percentile |\n|---|---|---|\n"
    );
    let kinds = [
        (
            format!("sum over {} rows", ROWS[0]),
            "SELECT state, sum(requests), max(used / most) FROM table_0 GROUP BY state",
        ),
        (
            format!("20 of {} rows in order", ROWS[0]),
            "SELECT name, requests FROM table_0 ORDER BY requests DESC LIMIT 20",
        ),
        (
            format!("sum over {} rows", ROWS[1]),
            "SELECT state, sum(requests), max(used / most) FROM table_1 GROUP BY state",
        ),
        ("no row".to_owned(), "SELECT 1"),
    ];
    for (kind, sql) in kinds {
        let mut times = Vec::with_capacity(QUESTIONS);
        for _ in 0..QUESTIONS {
            let begun = Instant::now();
            let question = Question::new(sql).within(Duration::from_secs(5));
            let answer = query.rendered(question, evenkeel::console::query::Format::Json).await;
            let answer = answer.map_err(|error| error.to_string())?;
            if let Some(cut) = answer.cut {
                return Err(format!("{sql}: cut by {}", cut.name()));
            }
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let (median, p99) = (times[QUESTIONS / 2], times[QUESTIONS * 99 / 100]);
        let _ = writeln!(text, "| {kind} | {:.2} ms | {:.2} ms |", millis(median), millis(p99));
    }
    let _ = write!(
        text,
        "\n| without an end, limit {} ms | median | longest of {CUTS} |\n|---|---|---|\n",
        LIMIT.as_millis()
    );
    for (kind, sql) in ENDLESS {
        let mut times = Vec::with_capacity(CUTS);
        for _ in 0..CUTS {
            let begun = Instant::now();
            let answer = query.ask(Question::new(sql).within(LIMIT)).await.map_err(|error| error.to_string())?;
            if answer.cut != Some(Cut::Time) {
                return Err(format!("{sql}: it has an end"));
            }
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let longest = times.last().copied().unwrap_or_default();
        let _ = writeln!(text, "| {kind} | {:.2} ms | {:.2} ms |", millis(times[CUTS / 2]), millis(longest));
    }
    text.push_str("\n- `target/release/bench query`\n\n");
    Ok(text)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
