//! Statements that a generator makes up: none changes anything, and none exceeds a bound.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use evenkeel_console::query::{MAX_ROWS, Query, Question};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::service::service;

/// Time of each question.
const TIME: Duration = Duration::from_millis(20);
/// Far more than any takes, also on a busy machine and without optimization.
const LATE: Duration = Duration::from_secs(5);

/// Words of statements, harmless ones and others.
const WORDS: [&str; 96] = [
    "SELECT",
    "*",
    "FROM",
    "route",
    "events",
    "vitals_columns",
    "vitals_tables",
    "vitals_queries",
    "sqlite_schema",
    "sqlite_master",
    "sqlite_temp_schema",
    "WHERE",
    "name",
    "requests",
    "load",
    "duration_p99",
    "duration_count",
    "state",
    "at",
    "rowid",
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "GLOB",
    "BETWEEN",
    "IS",
    "NULL",
    "1",
    "0",
    "-1",
    "1e308",
    "9223372036854775807",
    "'a'",
    "'%a%'",
    "x'00ff'",
    "?1",
    ":a",
    "(",
    ")",
    ",",
    ";",
    "=",
    "<",
    "+",
    "||",
    "/",
    "%",
    "->>",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "UNION",
    "UNION ALL",
    "EXCEPT",
    "INTERSECT",
    "JOIN",
    "LEFT JOIN",
    "CROSS JOIN",
    "ON",
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)",
    "n",
    "x",
    "AS",
    "CASE WHEN 1 THEN 2 END",
    "count(*)",
    "max(",
    "group_concat(",
    "json_each(",
    "json_group_array(",
    "zeroblob(",
    "randomblob(",
    "hex(",
    "printf('%1000000d', ",
    "replace(",
    "OVER (ORDER BY 1)",
    "EXISTS",
    "DELETE",
    "UPDATE",
    "INSERT INTO",
    "SET",
    "VALUES",
    "DROP TABLE",
    "CREATE TABLE",
    "ALTER TABLE",
    "ATTACH",
    "PRAGMA",
    "writable_schema",
    "VACUUM",
    "INTO",
    "load_extension(",
    "RETURNING",
    "EXPLAIN",
];

/// Beginnings that often make a whole statement.
const BEGINNINGS: [&str; 8] = [
    "SELECT * FROM route",
    "SELECT name, count(*) FROM route GROUP BY name",
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT * FROM n",
    "SELECT * FROM route a, route b, route c, vitals_columns d, vitals_columns e",
    "SELECT",
    "DELETE FROM route",
    "INSERT INTO route SELECT",
    "",
];

/// Operators and functions with the places of their operands.
const FORMS: [&str; 20] = [
    "(# + #)",
    "(# || #)",
    "(# * #)",
    "(# % #)",
    "(# < #)",
    "(# AND NOT #)",
    "(# LIKE #)",
    "(# GLOB #)",
    "(# IN (#, #))",
    "(# BETWEEN # AND #)",
    "CASE WHEN # THEN # ELSE # END",
    "coalesce(#, #)",
    "hex(#)",
    "hex(zeroblob(#))",
    "printf('%*d', #, #)",
    "replace(#, #, #)",
    "trim(#, #)",
    "instr(#, #)",
    "(SELECT max(#) FROM route)",
    "json_array(#, #)",
];

/// Values.
const VALUES: [&str; 12] = [
    "name",
    "requests",
    "load",
    "state",
    "duration_p99",
    "NULL",
    "0",
    "-1",
    "1e308",
    "9223372036854775807",
    "'a%b'",
    "x'00ff'",
];

/// Statements that take an expression at `#`, some of them without an end.
const FRAMES: [&str; 12] = [
    "SELECT # FROM route",
    "SELECT #, # FROM route WHERE # ORDER BY # LIMIT 7",
    "SELECT count(*), # FROM route GROUP BY # HAVING #",
    "SELECT DISTINCT # FROM route a NATURAL JOIN route b",
    "SELECT a.name, # FROM route a JOIN (SELECT * FROM route WHERE #) USING (name)",
    "SELECT # FROM route, vitals_columns, vitals_columns b, vitals_columns c",
    "SELECT group_concat(#) OVER (ORDER BY #) FROM route",
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT # FROM route, n",
    "WITH RECURSIVE n(x) AS (SELECT # FROM route UNION SELECT x || # FROM n, route LIMIT 5000) SELECT count(*) FROM n",
    "SELECT # FROM route UNION ALL SELECT # FROM route EXCEPT SELECT # FROM route",
    "UPDATE route SET requests = #",
    "INSERT INTO route (name) SELECT # FROM route RETURNING #",
];

/// An expression of some depth.
fn expression() -> impl Strategy<Value = String> {
    let value = prop::sample::select(&VALUES[..]).prop_map(str::to_owned);
    value.prop_recursive(4, 24, 3, |inner| {
        (prop::sample::select(&FORMS[..]), prop::collection::vec(inner, 3))
            .prop_map(|(form, parts)| filled(form, &parts))
    })
}

/// A text with expressions in its places, one after the other and from the first on again.
fn filled(form: &str, parts: &[String]) -> String {
    let mut pieces = form.split('#');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.zip(parts.iter().cycle()).fold(first, |text, (piece, part)| text + part + piece)
}

fn statement() -> impl Strategy<Value = String> {
    let words = prop::collection::vec(prop::sample::select(&WORDS[..]), 0..14);
    let made = (prop::sample::select(&BEGINNINGS[..]), words)
        .prop_map(|(begin, words)| format!("{begin} {}", words.join(" ")));
    let whole = (prop::sample::select(&FRAMES[..]), prop::collection::vec(expression(), 4))
        .prop_map(|(frame, parts)| filled(frame, &parts));
    prop_oneof![
        5 => whole,
        4 => made,
        1 => "\\PC{0,60}",
        1 => prop::collection::vec(any::<char>(), 0..40).prop_map(String::from_iter),
    ]
}

async fn rows(query: &Query, sql: &str) -> String {
    format!("{:?}", query.ask(Question::new(sql).within(Duration::from_secs(5))).await.map(|answer| answer.rows))
}

/// Asks this many statements of a fixed seed; returns how many were answered.
async fn fuzz(count: usize) -> usize {
    let (query, registry, _routes) = service(3);
    let state = "SELECT count(*), sum(requests), group_concat(name) FROM route";
    let catalogue = "SELECT group_concat(sql) FROM sqlite_schema";
    let before = (rows(&query, state).await, rows(&query, catalogue).await, format!("{:?}", registry.snapshot()));
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let answered = AtomicUsize::new(0);
    for number in 0..count {
        let sql = statement().new_tree(&mut runner).expect("no statement is rejected").current();
        let begun = Instant::now();
        let answer = query.ask(Question::new(sql.as_str()).within(TIME)).await;
        assert!(begun.elapsed() < LATE, "{:?} for {sql:?}", begun.elapsed());
        if let Ok(answer) = answer {
            answered.fetch_add(1, Ordering::Relaxed);
            assert!(answer.rows.len() <= MAX_ROWS, "{sql:?}");
        }
        if number % 100 == 99 {
            assert_eq!(rows(&query, state).await, before.0, "after {sql:?}");
        }
    }
    let after = (rows(&query, state).await, rows(&query, catalogue).await, format!("{:?}", registry.snapshot()));
    assert_eq!(after, before);
    answered.into_inner()
}

#[tokio::test]
async fn statements_that_are_made_up_change_nothing_and_stay_in_their_bounds() {
    let answered = fuzz(500).await;
    assert!((100..450).contains(&answered), "{answered} of 500 were answered: the generator makes some of each");
}

#[tokio::test]
#[ignore = "long: run by make test-long"]
async fn ten_thousand_statements_that_are_made_up_change_nothing_and_stay_in_their_bounds() {
    let answered = fuzz(10_000).await;
    assert!((2_000..9_000).contains(&answered), "{answered} were answered");
}
