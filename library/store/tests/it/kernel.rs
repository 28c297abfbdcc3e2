//! Isolation, failed statements, lost commits and the meaning of errors: each scenario on SQLite and on a private PostgreSQL, those
//! that only PostgreSQL has on it alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use evenkeel_store::testing::PrivatePostgres;
use evenkeel_store::{
    ConstraintKind, Fingerprint, IdempotencyKey, Isolation, Migration, Migrations, OnceOutcome, Options, Recorded,
    Store, StoreError, StoreUrl, StoredResponse, args,
};
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};

const SCHEMA: &str = "
CREATE TABLE counters (id BIGINT PRIMARY KEY, n BIGINT NOT NULL CHECK (n >= 0));
CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL, counter BIGINT REFERENCES counters (id));
CREATE UNIQUE INDEX notes_text ON notes (text);
INSERT INTO counters (id, n) VALUES (1, 0);
";

fn migrations() -> Migrations {
    Migrations::new(vec![Migration::both(1, "schema", SCHEMA)])
}

fn options(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    change(&mut options);
    options
}

async fn open(url: &StoreUrl) -> Store {
    open_with(url, Options::default()).await
}

async fn open_with(url: &StoreUrl, options: Options) -> Store {
    let store = Store::open(url, options).await.unwrap();
    store.migrate(&migrations()).await.unwrap();
    store
}

async fn number(store: &Store, sql: &'static str) -> i64 {
    let read = store.read(|tx| Box::pin(async move { tx.fetch_one(sql, args![]).await?.get("n") })).await;
    read.unwrap_or_else(|error: StoreError| panic!("{error}"))
}

async fn run(store: &Store, sql: &'static str) -> Result<u64, StoreError> {
    store.write(|tx| Box::pin(async move { tx.execute(sql, args![]).await })).await
}

fn key(text: &str) -> IdempotencyKey {
    text.parse().unwrap()
}

fn answer(text: &str) -> StoredResponse {
    StoredResponse { status: 201, content_type: "text/plain".into(), headers: vec![], body: text.into() }
}

/// Counts up once for a key.
async fn count_once(store: &Store, key: &IdempotencyKey) -> Result<Recorded, StoreError> {
    store
        .once(key, Fingerprint::of(&[b"count"]), |tx| {
            Box::pin(async move {
                tx.execute("UPDATE counters SET n = n + 1 WHERE id = 1", args![]).await?;
                Ok(OnceOutcome::Commit(answer("counted")))
            })
        })
        .await
}

macro_rules! on_both_engines {
    ($($scenario:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let folder = tempfile::tempdir().unwrap();
                super::$scenario(format!("sqlite:{}/test.db", folder.path().display()).parse().unwrap()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let postgres = super::PrivatePostgres::start();
                super::$scenario(postgres.url()).await;
            })+
        }
        mod behind_pgbouncer {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let postgres = super::PrivatePostgres::start();
                let pooler = postgres.behind_pgbouncer();
                super::$scenario(pooler.url()).await;
            })+
        }
    };
}

on_both_engines!(
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

#[tokio::test]
async fn a_refusal_after_a_conflict_is_not_remembered_and_the_request_runs_again() {
    let postgres = PrivatePostgres::start();
    let store = open(&postgres.url()).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let recorded = store
        .once(&key("k"), Fingerprint::of(&[b"a"]), |tx| {
            let first = runs.fetch_add(1, Ordering::Relaxed) == 0;
            Box::pin(async move {
                if first {
                    let conflict = "DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$";
                    let failed = tx.execute(conflict, args![]).await;
                    assert!(matches!(failed, Err(StoreError::Conflict(_))), "{failed:?}");
                    return Ok::<_, StoreError>(OnceOutcome::Refuse(answer("refused")));
                }
                Ok(OnceOutcome::Commit(answer("done")))
            })
        })
        .await
        .unwrap();
    assert_eq!((runs.load(Ordering::Relaxed), recorded.answer), (2, answer("done")));
}

#[tokio::test]
async fn a_zero_byte_in_a_text_is_an_invalid_value_and_is_tried_once() {
    let postgres = PrivatePostgres::start();
    let store = open(&postgres.url()).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let written: Result<u64, StoreError> = store
        .write(|tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move { tx.execute("INSERT INTO notes (id, text) VALUES (1, $1)", args!["a\0b"]).await })
        })
        .await;
    let error = written.unwrap_err();
    assert!(matches!(error, StoreError::InvalidValue(_)) && !error.is_transient(), "{error}");
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_statement_over_its_timeout_is_told_as_that_and_is_transient() {
    let postgres = PrivatePostgres::start();
    let store =
        open_with(&postgres.url(), options(|options| options.statement_timeout = Duration::from_millis(50))).await;
    let error = run(&store, "SELECT pg_sleep(20)").await.unwrap_err();
    assert!(matches!(error, StoreError::StatementTimeout(_)) && error.is_transient(), "{error}");
    // The bound is the transaction's: nothing of it stays on the connection.
    assert_eq!(number(&store, "SELECT CAST(1 AS BIGINT) AS n").await, 1);
}

#[tokio::test]
async fn a_migration_may_take_longer_than_a_statement() {
    let postgres = PrivatePostgres::start();
    let store =
        Store::open(&postgres.url(), options(|options| options.statement_timeout = Duration::from_millis(50))).await;
    let slow = Migration::both(1, "slow", "CREATE TABLE slow (id BIGINT); SELECT pg_sleep(0.3)");
    assert_eq!(store.unwrap().migrate(&Migrations::new(vec![slow])).await.unwrap(), [1]);
}

#[tokio::test]
async fn an_instance_that_waits_for_the_migration_lock_says_for_whom() {
    let postgres = PrivatePostgres::start();
    let holder = Store::open(&postgres.url(), Options::default()).await.unwrap();
    let bound = options(|options| options.migration_lock_timeout = Duration::from_millis(100));
    let waiting = Store::open(&postgres.url(), bound).await.unwrap();
    let held: Result<(), StoreError> = holder
        .write(|tx| {
            let waiting = waiting.clone();
            Box::pin(async move {
                tx.execute("SELECT pg_advisory_xact_lock(7310874283846521957)", args![]).await?;
                let error = waiting.migrate(&migrations()).await.unwrap_err().to_string();
                assert!(error.contains("process ") && error.contains("pg_terminate_backend"), "{error}");
                Ok(())
            })
        })
        .await;
    held.unwrap();
    assert_eq!(waiting.migrate(&migrations()).await.unwrap(), [1]);
}

/// The same database as a role that may read and write its tables and nothing else.
async fn as_service(postgres: &PrivatePostgres) -> Store {
    let owner = open(&postgres.url()).await;
    for sql in [
        "CREATE ROLE service LOGIN",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "GRANT USAGE ON SCHEMA public TO service",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON counters, evenkeel_idempotency TO service",
        "GRANT SELECT ON evenkeel_migrations TO service",
    ] {
        run(&owner, sql).await.unwrap();
    }
    let url = postgres.url_text().replace("//test@", "//service@").parse().unwrap();
    Store::open(&url, Options::default()).await.unwrap()
}

#[tokio::test]
async fn a_role_without_the_right_to_change_the_schema_finds_nothing_to_migrate() {
    let postgres = PrivatePostgres::start();
    let service = as_service(&postgres).await;
    assert_eq!(service.pending(&migrations()).await.unwrap(), []);
    assert_eq!(service.migrate(&migrations()).await.unwrap(), [0_i64; 0]);
    assert_eq!(count_once(&service, &key("k")).await.unwrap().answer, answer("counted"));
}

#[tokio::test]
async fn a_missing_right_is_told_with_the_grant_and_is_not_transient() {
    let postgres = PrivatePostgres::start();
    let service = as_service(&postgres).await;
    let error = run(&service, "INSERT INTO notes (id, text) VALUES (1, 'x')").await.unwrap_err();
    assert!(matches!(error, StoreError::Denied(_)) && !error.is_transient(), "{error}");
    assert!(error.to_string().contains("GRANT SELECT, INSERT, UPDATE, DELETE ON notes"), "{error}");
}

#[tokio::test]
async fn a_lock_that_is_not_free_in_time_is_told_as_that() {
    let postgres = PrivatePostgres::start();
    let store = open_with(&postgres.url(), options(|options| options.lock_timeout = Duration::from_millis(50))).await;
    let held: Result<(), StoreError> = store
        .write(|tx| {
            let store = store.clone();
            Box::pin(async move {
                tx.execute("LOCK TABLE counters", args![]).await?;
                let error = run(&store, "UPDATE counters SET n = n + 1").await.unwrap_err();
                assert!(matches!(error, StoreError::Locked(_)) && error.is_transient(), "{error}");
                Ok(())
            })
        })
        .await;
    held.unwrap();
}

#[tokio::test]
async fn a_repetition_of_a_running_request_waits_without_a_connection_and_is_told() {
    let postgres = PrivatePostgres::start();
    let bounds = options(|options| {
        (options.connections, options.idempotency_wait) = (Some(2), Duration::from_millis(100));
    });
    let store = open_with(&postgres.url(), bounds).await;
    let first = store
        .once(&key("k"), Fingerprint::of(&[b"count"]), |_tx| {
            let store = store.clone();
            Box::pin(async move {
                // Sixteen repetitions of the one that runs, and the other connection is still there for others.
                let repetitions = join_all((0..16).map(|_| {
                    let store = store.clone();
                    async move { count_once(&store, &key("k")).await }
                }));
                let other = key("other");
                let (repeated, other) = tokio::join!(repetitions, count_once(&store, &other));
                assert!(repeated.iter().all(|one| matches!(one, Err(StoreError::KeyInUse))), "{repeated:?}");
                assert!(!other.unwrap().replayed);
                Ok::<_, StoreError>(OnceOutcome::Commit(answer("counted")))
            })
        })
        .await
        .unwrap();
    assert!(!first.replayed);
    assert!(count_once(&store, &key("k")).await.unwrap().replayed);
}

#[tokio::test]
async fn a_failure_on_the_unchecked_connection_makes_the_commit_fail() {
    let postgres = PrivatePostgres::start();
    let store = open(&postgres.url()).await;
    let committed: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.execute("UPDATE counters SET n = 5", args![]).await?;
                let connection = tx.unchecked_postgres().unwrap();
                let failed = sqlx::query("SELECT 1 / 0").execute(connection).await;
                assert!(failed.is_err());
                Ok(())
            })
        })
        .await;
    assert!(committed.is_err(), "PostgreSQL answers the COMMIT with ROLLBACK and no error");
    assert_eq!(number(&store, "SELECT n FROM counters WHERE id = 1").await, 0);
}

/// A relay in front of PostgreSQL's socket that loses the answers to commits while `lose` is set.
async fn relay(postgres: &PrivatePostgres, lose: Arc<AtomicBool>) -> StoreUrl {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let folder = postgres.url_text().split_once("host=").unwrap().1.to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = UnixStream::connect(format!("{folder}/.s.PGSQL.5432")).await.unwrap();
            let lose = lose.clone();
            tokio::spawn(async move {
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
                let mut bytes = vec![0; 64 << 10];
                while let Ok(length @ 1..) = from_client.read(&mut bytes).await {
                    let commit = bytes[..length].windows(6).any(|six| six == b"COMMIT");
                    if commit && lose.swap(false, Ordering::SeqCst) {
                        // The server gets it, the client never hears of it.
                        answers.abort();
                        let _ = answers.await;
                        to_server.write_all(&bytes[..length]).await.unwrap();
                        return;
                    }
                    if to_server.write_all(&bytes[..length]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!("postgres://test@127.0.0.1:{port}/ledger?sslmode=disable").parse().unwrap()
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_unknown_and_the_idempotent_path_finds_it_out() {
    let postgres = PrivatePostgres::start();
    let lose = Arc::new(AtomicBool::new(false));
    let store = open(&relay(&postgres, lose.clone()).await).await;
    lose.store(true, Ordering::SeqCst);
    let error = run(&store, "UPDATE counters SET n = n + 1").await.unwrap_err();
    assert!(matches!(error, StoreError::Unknown(_)), "{error}");

    lose.store(true, Ordering::SeqCst);
    let recorded = count_once(&store, &key("k")).await.unwrap();
    assert!(!lose.load(Ordering::SeqCst), "the answer to a commit was lost");
    assert!(recorded.replayed, "the log says that it took effect");
    assert!(count_once(&store, &key("k")).await.unwrap().replayed);
    assert_eq!(number(&store, "SELECT n FROM counters WHERE id = 1").await, 2, "each took effect once");
}

#[tokio::test]
async fn a_database_that_takes_no_connections_is_unavailable_and_not_overloaded() {
    let postgres = PrivatePostgres::start();
    let bounds = options(|options| options.acquire_timeout = Duration::from_millis(300));
    let store = open_with(&postgres.url(), bounds).await;
    drop(postgres);
    // The connections that are there break first.
    let mut last = None;
    for _ in 0..20 {
        last = Some(run(&store, "UPDATE counters SET n = n + 1").await.unwrap_err());
    }
    let last = last.unwrap();
    assert!(matches!(last, StoreError::Unavailable(_)) && last.is_transient(), "{last:?}");
}
