//! The bounds of time, rows, bytes, memory and turns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use evenkeel_console::query::{
    AT_A_TIME, Cell, Cut, DEFAULT_TIME, Format, MAX_ANSWER, MAX_COPIED, MAX_ROWS, MAX_TIME, QueryError, Question, WAIT,
};

use vitals::{Column, Source, Table, TableRow, TableValue};

use crate::service::{ask, service};

const ENDLESS: &str = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
/// Far more than any cut takes, also on a busy machine and without optimization.
const LATE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_endless_question_is_cut_by_its_time() {
    for sql in [
        ENDLESS,
        "SELECT count(*) FROM route a, route b, route c, route d, route e, route f, route g, route h, route i, route j, route k, \
         route l, route m, route n, route o, route p, route q, route r",
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n WHERE x < 0",
    ] {
        let begun = Instant::now();
        let answer = ask(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!((answer.cut, answer.rows.len()), (Some(Cut::Time), 0), "{sql}");
        assert!(answer.took >= DEFAULT_TIME && begun.elapsed() < LATE, "{sql}: {:?}", answer.took);
    }
    let (query, ..) = service(3);
    let answer = query.ask(Question::new(ENDLESS).within(Duration::from_millis(20))).await.unwrap();
    assert!(answer.cut == Some(Cut::Time) && answer.took < DEFAULT_TIME, "{:?}", answer.took);
}

#[test]
fn no_question_can_set_a_longer_time_than_the_bound() {
    let question = |seconds| Question::new("SELECT 1").within(Duration::from_secs(seconds));
    assert_eq!(question(3600), question(MAX_TIME.as_secs()));
    assert_ne!(question(1), question(2));
}

#[tokio::test]
async fn rows_before_a_cut_are_in_the_answer() {
    let numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n";
    let (query, ..) = service(3);
    let answer = query.ask(Question::new(numbers).within(MAX_TIME)).await.unwrap();
    assert_eq!((answer.cut, answer.rows.len()), (Some(Cut::Rows), MAX_ROWS));
    assert_eq!(answer.rows[MAX_ROWS - 1], [Cell::Integer(MAX_ROWS as i64)]);
    let whole = query.ask(Question::new(format!("{numbers} LIMIT {MAX_ROWS}")).within(MAX_TIME)).await.unwrap();
    assert_eq!((whole.cut, whole.rows.len()), (None, MAX_ROWS));
}

#[tokio::test]
async fn a_large_answer_is_cut_by_its_bytes_in_every_format() {
    // Each byte of a control character takes six in JSON.
    let text = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) \
                SELECT printf('%.*c', 30000, char(1)) FROM n";
    let (query, ..) = service(3);
    let answer = query.ask(Question::new(text).within(MAX_TIME)).await.unwrap();
    assert_eq!(answer.cut, Some(Cut::Bytes));
    assert!(answer.rows.len() > 30, "{} rows", answer.rows.len());
    for (format, name, _) in Format::ALL {
        let rendered = query.rendered(Question::new(text).within(MAX_TIME), format).await.unwrap();
        assert!(rendered.text.len() <= MAX_ANSWER + 1024, "{name}: {}", rendered.text.len());
        assert_eq!(rendered.cut, Some(Cut::Bytes));
    }
}

#[tokio::test]
async fn a_value_that_becomes_too_large_is_an_error() {
    for sql in [
        "SELECT zeroblob(100000000)",
        "SELECT randomblob(100000000)",
        "SELECT hex(zeroblob(60000))",
        "SELECT replace(hex(zeroblob(3000)), '0', hex(zeroblob(1000)))",
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 1000) SELECT group_concat(hex(zeroblob(1000))) FROM n",
    ] {
        assert_eq!(ask(sql).await, Err(QueryError::TooBig), "{sql}");
    }
    // This function says so with NULL.
    assert_eq!(ask("SELECT printf('%100000000d', 1)").await.unwrap().rows, [[Cell::Null]]);
}

#[tokio::test]
async fn one_step_that_nothing_can_end_is_short() {
    // Each of these compares long texts with each other within one step.
    for sql in [
        "SELECT trim(hex(zeroblob(30000)), replace(hex(zeroblob(30000)), '0', '1'))",
        "SELECT instr(hex(zeroblob(30000)), hex(zeroblob(15000)) || '1')",
        "SELECT replace(hex(zeroblob(30000)), hex(zeroblob(15000)) || '1', 'x')",
        "SELECT hex(zeroblob(30000)) LIKE '%0_0%' || hex(zeroblob(100)) || '1'",
        "SELECT hex(zeroblob(30000)) GLOB '*[01]*' || hex(zeroblob(100)) || '1'",
    ] {
        let begun = Instant::now();
        let answer = ask(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(begun.elapsed() < LATE, "{sql}: {:?}", answer.took);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_question_that_takes_much_memory_is_cut() {
    for sql in [
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x, hex(zeroblob(30000)) FROM n ORDER BY -x",
        "WITH RECURSIVE n(x) AS (SELECT hex(randomblob(30000)) UNION SELECT hex(randomblob(30000)) FROM n) SELECT count(*) FROM n",
    ] {
        let (query, ..) = service(3);
        let answer =
            query.ask(Question::new(sql).within(MAX_TIME)).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(answer.cut, Some(Cut::Memory), "{sql}: {:?}", answer.took);
    }
}

#[tokio::test]
async fn tables_with_too_many_rows_are_read_in_part_and_the_answer_says_so() {
    const MANY: Table = Table { name: "many", help: "Many.", columns: &[Column::label("number", "A number.")] };
    struct Many;
    impl Source for Many {
        fn table(&self) -> &'static Table {
            &MANY
        }
        fn rows(&self) -> Vec<TableRow> {
            (0..MAX_COPIED as u64 + 10).map(|number| vec![TableValue::text(number.to_string())]).collect()
        }
    }
    let (query, registry, _routes) = service(3);
    let many = Arc::new(Many);
    registry.register(many.clone());
    let count = |sql: &str| query.ask(Question::new(sql).within(MAX_TIME));
    let answer = count("SELECT count(*) FROM many").await.unwrap();
    assert_eq!((answer.cut, &answer.rows[0][0]), (Some(Cut::Tables), &Cell::Integer(MAX_COPIED as i64)));
    let answer = count("SELECT count(*) FROM events").await.unwrap();
    assert_eq!(answer.cut, None);
}

#[tokio::test]
async fn a_third_question_waits_and_is_then_refused() {
    let (query, ..) = service(3);
    let long = || query.ask(Question::new(ENDLESS).within(WAIT * 4));
    let quick = || query.ask(Question::new("SELECT 1"));
    assert_eq!(AT_A_TIME, 2);
    let (one, other, third) = tokio::join!(long(), long(), async {
        tokio::task::yield_now().await;
        let begun = Instant::now();
        let refused = quick().await;
        (refused, begun.elapsed())
    });
    assert_eq!((one.unwrap().cut, other.unwrap().cut), (Some(Cut::Time), Some(Cut::Time)));
    assert_eq!(third.0, Err(QueryError::Busy));
    assert!(third.1 >= WAIT, "{:?}", third.1);
    // One that waits for less gets its turn.
    let short = || query.ask(Question::new(ENDLESS).within(WAIT / 20));
    let (.., third) = tokio::join!(short(), short(), quick());
    assert_eq!(third.unwrap().rows, [[Cell::Integer(1)]]);
}

#[tokio::test]
async fn a_dropped_question_gives_its_turn_back() {
    let (query, ..) = service(3);
    for _ in 0..4 * AT_A_TIME {
        let asked = query.ask(Question::new(ENDLESS).within(MAX_TIME));
        assert!(tokio::time::timeout(Duration::from_millis(20), asked).await.is_err());
    }
    assert!(query.ask(Question::new("SELECT 1")).await.is_ok());
}
