//! Statements that are refused, with what to do.

use evenkeel_console::query::{Cell, MAX_SQL, QueryError};

use crate::service::ask;

#[tokio::test]
async fn statements_that_change_anything_are_refused_with_their_act() {
    for (sql, act) in [
        ("DELETE FROM route", "delete from the table route"),
        ("UPDATE route SET requests = 7", "update the table route"),
        ("INSERT INTO route (name) VALUES ('x')", "insert into the table route"),
        ("DELETE FROM route RETURNING *", "delete from the table route"),
        ("WITH gone AS (SELECT 1) DELETE FROM route", "delete from the table route"),
        ("EXPLAIN DELETE FROM route", "delete from the table route"),
        ("CREATE TABLE x (a)", "change the schema"),
        ("CREATE TEMP TABLE x AS SELECT * FROM route", "change the schema"),
        ("CREATE VIRTUAL TABLE x USING fts5(a)", "change the schema"),
        ("DROP TABLE route", "change the schema"),
        ("ALTER TABLE route RENAME TO x", "change the schema"),
        ("ATTACH 'file:/tmp/evenkeel-query-test.db' AS x", "attach a database"),
        ("DETACH main", "detach a database"),
        ("PRAGMA query_only = OFF", "use the pragma query_only"),
        ("PRAGMA writable_schema = ON", "use the pragma writable_schema"),
        ("PRAGMA table_info(route)", "use the pragma table_info"),
        ("PRAGMA hard_heap_limit = 1", "use the pragma hard_heap_limit"),
        ("BEGIN", "open or end a transaction"),
        ("COMMIT", "open or end a transaction"),
        ("SAVEPOINT x", "open or end a transaction"),
        ("VACUUM", "return no rows"),
        ("VACUUM INTO '/tmp/evenkeel-query-test.db'", "return no rows"),
        ("REINDEX", "return no rows"),
        ("ANALYZE", "change the schema"),
        ("SELECT load_extension('x')", "use the function load_extension"),
        ("SELECT fts3_tokenizer('x')", "use the function fts3_tokenizer"),
        ("", "return no rows"),
        ("-- nothing", "return no rows"),
    ] {
        match ask(sql).await {
            Err(QueryError::Refused { act: refused, .. }) => assert_eq!(refused, act, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
    }
    assert!(!std::path::Path::new("/tmp/evenkeel-query-test.db").exists());
}

#[tokio::test]
async fn tables_of_pragmas_show_nothing_of_the_connection() {
    for sql in ["SELECT * FROM pragma_database_list", "SELECT * FROM pragma_table_info('route')"] {
        let error = ask(sql).await.unwrap_err();
        assert!(matches!(error, QueryError::Refused { .. } | QueryError::Sql { .. }), "{sql}: {error}");
    }
}

#[tokio::test]
async fn a_mistake_is_reported_with_its_place_and_that_of_the_names() {
    let error = ask("SELECT missing FROM route").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no such column: missing (at byte 7 of the statement); the tables and columns are in vitals_tables and vitals_columns"
    );
    let error = ask("SELECT 1; SELECT 2").await.unwrap_err().to_string();
    assert!(error.contains("more than one statement"), "{error}");
    assert!(ask("SELEC 1").await.unwrap_err().to_string().contains("syntax error"));
    assert!(ask("SELECT 1 \0 SELECT").await.unwrap_err().to_string().contains("zero character (at byte 9"));
}

#[tokio::test]
async fn statements_that_are_too_long_too_deep_or_too_wide_are_refused() {
    let padded = |bytes: usize| format!("SELECT 1{}", " ".repeat(bytes - 8));
    assert_eq!(ask(&padded(MAX_SQL)).await.unwrap().rows, [[Cell::Integer(1)]]);
    assert!(matches!(ask(&padded(MAX_SQL + 1)).await, Err(QueryError::TooLong { .. })));
    let deep = format!("SELECT {}1{}", "abs(".repeat(200), ")".repeat(200));
    let compound = vec!["SELECT 1"; 21].join(" UNION ALL ");
    let wide = format!("SELECT {}", vec!["1"; 501].join(", "));
    let arguments = format!("SELECT max({})", vec!["1"; 51].join(", "));
    for sql in
        [deep, compound, wide, arguments, "SELECT ?101".to_owned(), format!("SELECT 'a' LIKE '{}'", "%a".repeat(200))]
    {
        let error = ask(&sql).await.unwrap_err();
        assert!(matches!(error, QueryError::Sql { .. }), "{error}");
    }
    assert_eq!(ask("SELECT ?100").await.unwrap().rows, [[Cell::Null]], "a parameter without a value is NULL");
}
