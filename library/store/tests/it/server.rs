//! Behaviour of a database server: roles, timeouts, locks, broken connections, lost answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use evenkeel_store::testing::PrivatePostgres;
use evenkeel_store::{Fingerprint, Migration, Migrations, OnceOutcome, Options, Store, StoreError, StoreUrl, args};
use futures_util::future::join_all;
use tokio::net::{TcpListener, UnixStream};
use tokio::task::JoinSet;

use crate::fixture::{answer, count_once, key, migrations, number, open, open_with, options, run};

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
async fn a_statement_over_its_timeout_is_a_transient_timeout_error() {
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
async fn the_migration_lock_timeout_names_the_holder() {
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
async fn a_missing_right_names_the_grant_and_is_not_transient() {
    let postgres = PrivatePostgres::start();
    let service = as_service(&postgres).await;
    let error = run(&service, "INSERT INTO notes (id, text) VALUES (1, 'x')").await.unwrap_err();
    assert!(matches!(error, StoreError::Denied(_)) && !error.is_transient(), "{error}");
    assert!(error.to_string().contains("GRANT SELECT, INSERT, UPDATE, DELETE ON notes"), "{error}");
}

#[tokio::test]
async fn a_lock_that_is_not_free_in_time_is_a_lock_timeout_error() {
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
async fn a_repetition_of_a_running_request_waits_without_a_connection_and_is_refused() {
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

/// A TCP port in front of PostgreSQL's socket. It ends its connections and refuses new ones once the tasks are shut down.
async fn port_that_can_be_closed(postgres: &PrivatePostgres) -> (JoinSet<()>, StoreUrl) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let folder = postgres.url_text().split_once("host=").unwrap().1.to_owned();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = UnixStream::connect(format!("{folder}/.s.PGSQL.5432")).await.unwrap();
            connections.spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    (serving, format!("postgres://test@127.0.0.1:{port}/ledger?sslmode=disable").parse().unwrap())
}

/// The pool tries again at a port that refuses connections, and returns the error of a full pool when its time is over.
#[tokio::test]
async fn a_database_whose_port_refuses_connections_is_unavailable_and_not_overloaded() {
    let postgres = PrivatePostgres::start();
    let (mut serving, url) = port_that_can_be_closed(&postgres).await;
    let bounds = options(|options| options.acquire_timeout = Duration::from_millis(300));
    let store = open_with(&url, bounds).await;
    serving.shutdown().await;
    for _ in 0..2 {
        let error = run(&store, "UPDATE counters SET n = n + 1").await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)) && error.is_transient(), "{error:?}");
    }
}
