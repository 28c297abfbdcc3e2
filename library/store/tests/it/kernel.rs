//! Isolation, failed statements and idempotency: each scenario on SQLite, on a private PostgreSQL, and behind PgBouncer.

use evenkeel_store::{
    ConstraintKind, Fingerprint, IdempotencyKey, Isolation, Migration, Migrations, OnceOutcome, Options, Recorded,
    Store, StoreError, StoreUrl, StoredResponse, args,
};
use futures_util::future::join_all;

use crate::engines::on_every_engine;

const SCHEMA: &str = "
CREATE TABLE counters (id BIGINT PRIMARY KEY, n BIGINT NOT NULL CHECK (n >= 0));
CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL, counter BIGINT REFERENCES counters (id));
CREATE UNIQUE INDEX notes_text ON notes (text);
INSERT INTO counters (id, n) VALUES (1, 0);
";

pub(crate) fn migrations() -> Migrations {
    Migrations::new(vec![Migration::both(1, "schema", SCHEMA)])
}

#[cfg(feature = "postgres")]
pub(crate) fn options(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    change(&mut options);
    options
}

pub(crate) async fn open(url: &StoreUrl) -> Store {
    open_with(url, Options::default()).await
}

pub(crate) async fn open_with(url: &StoreUrl, options: Options) -> Store {
    let store = Store::open(url, options).await.unwrap();
    store.migrate(&migrations()).await.unwrap();
    store
}

pub(crate) async fn number(store: &Store, sql: &'static str) -> i64 {
    let read = store.read(|tx| Box::pin(async move { tx.fetch_one(sql, args![]).await?.get("n") })).await;
    read.unwrap_or_else(|error: StoreError| panic!("{error}"))
}

pub(crate) async fn run(store: &Store, sql: &'static str) -> Result<u64, StoreError> {
    store.write(|tx| Box::pin(async move { tx.execute(sql, args![]).await })).await
}

pub(crate) fn key(text: &str) -> IdempotencyKey {
    text.parse().unwrap()
}

pub(crate) fn answer(text: &str) -> StoredResponse {
    StoredResponse { status: 201, content_type: "text/plain".into(), headers: vec![], body: text.into() }
}

/// Counts up once for a key.
pub(crate) async fn count_once(store: &Store, key: &IdempotencyKey) -> Result<Recorded, StoreError> {
    store
        .once(key, Fingerprint::of(&[b"count"]), |tx| {
            Box::pin(async move {
                tx.execute("UPDATE counters SET n = n + 1 WHERE id = 1", args![]).await?;
                Ok(OnceOutcome::Commit(answer("counted")))
            })
        })
        .await
}

on_every_engine!(
    eight_concurrent_increments_that_read_and_then_write_give_eight,
    a_weaker_isolation_is_asked_for_by_name,
    a_handled_error_of_execute_cannot_be_committed,
    a_handled_error_of_try_execute_leaves_the_rest_of_the_transaction,
    a_refusal_after_a_failed_statement_is_remembered,
    constraints_are_told_with_kind_table_and_columns,
    keys_of_two_callers_are_two_keys,
    a_body_of_any_bytes_is_replayed_as_it_was,
    answers_can_be_asked_for_without_an_effect,
    keys_of_before_scopes_never_take_effect_again,
);

async fn eight_concurrent_increments_that_read_and_then_write_give_eight(url: StoreUrl) {
    let store = open(&url).await;
    let increments = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let row = tx.fetch_one("SELECT n FROM counters WHERE id = 1", args![]).await?;
                        let n: i64 = row.get("n")?;
                        tokio::task::yield_now().await;
                        tx.execute("UPDATE counters SET n = $1 WHERE id = 1", args![n + 1]).await
                    })
                })
                .await
        })
    });
    let done: Vec<Result<u64, StoreError>> = join_all(increments).await.into_iter().map(Result::unwrap).collect();
    assert!(done.iter().all(|done| matches!(done, Ok(1))), "{done:?}");
    assert_eq!(number(&store, "SELECT n FROM counters WHERE id = 1").await, 8);
}

async fn a_weaker_isolation_is_asked_for_by_name(url: StoreUrl) {
    let store = open(&url).await;
    let shown = "SELECT current_setting('transaction_isolation') AS level";
    for (isolation, level) in [
        (Isolation::Serializable, "serializable"),
        (Isolation::RepeatableRead, "repeatable read"),
        (Isolation::ReadCommitted, "read committed"),
    ] {
        if store.engine() == evenkeel_store::Engine::Postgres {
            let told: String = store
                .write_at(isolation, |tx| Box::pin(async move { tx.fetch_one(shown, args![]).await?.get("level") }))
                .await
                .unwrap_or_else(|error: StoreError| panic!("{error}"));
            assert_eq!(told, level);
        }
        assert_eq!(store.write_at(isolation, up).await.unwrap(), 1);
    }
}

fn up(tx: &mut evenkeel_store::Transaction) -> evenkeel_store::BoxFuture<'_, Result<u64, StoreError>> {
    Box::pin(async move { tx.execute("UPDATE counters SET n = n + 1", args![]).await })
}

/// "It is there already": the commonest error that is handled.
async fn a_handled_error_of_execute_cannot_be_committed(url: StoreUrl) {
    let store = open(&url).await;
    let committed: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.execute("INSERT INTO counters (id, n) VALUES (7, 7)", args![]).await?;
                match tx.execute("INSERT INTO counters (id, n) VALUES (1, 1)", args![]).await {
                    Err(StoreError::Constraint { .. }) => Ok(()),
                    other => panic!("{other:?}"),
                }
            })
        })
        .await;
    let error = committed.unwrap_err();
    assert!(matches!(error, StoreError::Aborted { .. }) && !error.is_transient(), "{error}");
    assert!(error.to_string().contains("try_execute"), "{error}");
    assert_eq!(number(&store, "SELECT COUNT(*) AS n FROM counters").await, 1, "nothing of it stays");
}

async fn a_handled_error_of_try_execute_leaves_the_rest_of_the_transaction(url: StoreUrl) {
    let store = open(&url).await;
    let committed: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.execute("INSERT INTO counters (id, n) VALUES (7, 7)", args![]).await?;
                match tx.try_execute("INSERT INTO counters (id, n) VALUES (1, 1)", args![]).await {
                    Err(StoreError::Constraint { .. }) => {}
                    other => panic!("{other:?}"),
                }
                tx.try_execute("INSERT INTO counters (id, n) VALUES (8, 8)", args![]).await.map(drop)
            })
        })
        .await;
    committed.unwrap();
    assert_eq!(number(&store, "SELECT COUNT(*) AS n FROM counters").await, 3);
}

async fn a_refusal_after_a_failed_statement_is_remembered(url: StoreUrl) {
    let store = open(&url).await;
    for replayed in [false, true] {
        let recorded = store
            .once(&key("k"), Fingerprint::of(&[b"a"]), |tx| {
                Box::pin(async move {
                    let taken = tx.execute("INSERT INTO counters (id, n) VALUES (1, 1)", args![]).await;
                    assert!(matches!(taken, Err(StoreError::Constraint { .. })), "{taken:?}");
                    Ok::<_, StoreError>(OnceOutcome::Refuse(answer("it is there already")))
                })
            })
            .await
            .unwrap();
        assert_eq!(recorded, Recorded { answer: answer("it is there already"), replayed });
    }
}

async fn constraints_are_told_with_kind_table_and_columns(url: StoreUrl) {
    let store = open(&url).await;
    run(&store, "INSERT INTO notes (id, text) VALUES (1, 'x')").await.unwrap();
    for (sql, kind, column) in [
        ("INSERT INTO notes (id, text) VALUES (2, 'x')", ConstraintKind::Unique, Some("text")),
        ("INSERT INTO notes (id, text) VALUES (1, 'y')", ConstraintKind::Unique, Some("id")),
        ("INSERT INTO notes (id) VALUES (2)", ConstraintKind::NotNull, Some("text")),
        ("INSERT INTO notes (id, text, counter) VALUES (2, 'y', 99)", ConstraintKind::ForeignKey, None),
        ("INSERT INTO counters (id, n) VALUES (2, -1)", ConstraintKind::Check, None),
    ] {
        let error = run(&store, sql).await.unwrap_err();
        let StoreError::Constraint { violation, .. } = &error else { panic!("{sql}: {error:?}") };
        assert_eq!(violation.kind, kind, "{sql}: {violation:?}");
        if let Some(column) = column {
            assert_eq!((violation.table.as_str(), violation.columns.as_slice()), ("notes", &[column.to_owned()][..]));
        }
        assert!(!error.is_transient(), "{error}");
    }
}

async fn keys_of_two_callers_are_two_keys(url: StoreUrl) {
    let store = open(&url).await;
    let (ann, bob) = (key("1").in_scope("ann"), key("1").in_scope("bob"));
    assert!(!count_once(&store, &ann).await.unwrap().replayed);
    assert!(!count_once(&store, &bob).await.unwrap().replayed);
    assert!(!count_once(&store, &key("1")).await.unwrap().replayed);
    assert!(count_once(&store, &ann).await.unwrap().replayed);
    assert_eq!(number(&store, "SELECT n FROM counters WHERE id = 1").await, 3);
}

async fn a_body_of_any_bytes_is_replayed_as_it_was(url: StoreUrl) {
    let store = open(&url).await;
    let body: Vec<u8> = (0..=255).collect();
    let first = StoredResponse { body, headers: vec![("location".into(), "/x?a=\"b\"".into())], ..answer("") };
    for replayed in [false, true] {
        let first = first.clone();
        let recorded = store
            .once(&key("k"), Fingerprint::of(&[b"a"]), move |_tx| {
                let first = first.clone();
                Box::pin(async move { Ok::<_, StoreError>(OnceOutcome::Commit(first)) })
            })
            .await
            .unwrap();
        assert_eq!((recorded.replayed, recorded.answer.body.len()), (replayed, 256));
        assert_eq!(recorded.answer.headers[0].1, "/x?a=\"b\"");
    }
    // Bytes are kept as bytes, not as a list of numbers.
    assert_eq!(number(&store, "SELECT CAST(LENGTH(body) AS BIGINT) AS n FROM evenkeel_idempotency").await, 256);
}

async fn answers_can_be_asked_for_without_an_effect(url: StoreUrl) {
    let store = open(&url).await;
    let fingerprint = Fingerprint::of(&[b"count"]);
    assert_eq!(store.answered(&key("k"), fingerprint).await.unwrap(), None);
    count_once(&store, &key("k")).await.unwrap();
    assert_eq!(store.answered(&key("k"), fingerprint).await.unwrap(), Some(answer("counted")));
    let other = store.answered(&key("k"), Fingerprint::of(&[b"other"])).await;
    assert!(matches!(other, Err(StoreError::KeyReused)), "{other:?}");
}

/// A database whose log has the first shape, as version 0.1 of 2026-11 made it.
async fn keys_of_before_scopes_never_take_effect_again(url: StoreUrl) {
    let store = Store::open(&url, Options::default()).await.unwrap();
    let bytes = if store.engine() == evenkeel_store::Engine::Postgres { "BYTEA" } else { "BLOB" };
    let old = format!(
        "CREATE TABLE evenkeel_migrations (owner TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, \
         checksum TEXT NOT NULL, PRIMARY KEY (owner, version));\
         CREATE TABLE evenkeel_idempotency (key TEXT PRIMARY KEY, fingerprint {bytes} NOT NULL, answer TEXT, \
         created_at BIGINT NOT NULL);\
         CREATE INDEX evenkeel_idempotency_created_at ON evenkeel_idempotency (created_at);\
         INSERT INTO evenkeel_idempotency VALUES ('old', '', '{{}}', 9000000000000000)"
    );
    // The checksums of the first step as it was released.
    let checksum = match store.engine() {
        evenkeel_store::Engine::Sqlite => CHECKSUM_SQLITE,
        evenkeel_store::Engine::Postgres => CHECKSUM_POSTGRES,
    };
    let row = format!("INSERT INTO evenkeel_migrations VALUES ('store', 1, 'idempotency log', '{checksum}')");
    for statement in old.split(';').chain([row.as_str()]) {
        let statement: &'static str = String::leak(statement.to_owned());
        run(&store, statement).await.unwrap();
    }
    store.migrate(&migrations()).await.unwrap();
    for key in [key("old"), key("old").in_scope("ann")] {
        let again = count_once(&store, &key).await;
        assert!(matches!(again, Err(StoreError::KeyReused)), "{again:?}");
    }
    assert!(!count_once(&store, &key("new").in_scope("ann")).await.unwrap().replayed);
    assert_eq!(number(&store, "SELECT n FROM counters WHERE id = 1").await, 1);
}

const CHECKSUM_SQLITE: &str = "e7821c195faac12dff646100cd730a9700a21a0c28ecc7e41f1277bbbb9d20a6";
const CHECKSUM_POSTGRES: &str = "c9dfc8974eebf64e997ba15cb02e8a4b88d853b6701e87a89c94c3f935b16351";
