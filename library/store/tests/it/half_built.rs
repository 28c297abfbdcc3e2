//! Indexes that a run left half-built, and runs that ended in the middle of a step: PostgreSQL alone.

use std::process::{Command, Stdio};
use std::time::Duration;

use evenkeel_store::sqlx::postgres::PgConnectOptions;
use evenkeel_store::sqlx::{self, ConnectOptions, PgConnection};
use evenkeel_store::testing::PrivatePostgres;
use evenkeel_store::{Migration, MigrationError, Migrations, Options, Store, StoreError, StoreUrl};

use crate::fixture::{number, run};

const INDEX: &str = "CREATE UNIQUE INDEX CONCURRENTLY notes_text ON notes (text)";
const VALID: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM pg_index \
                     WHERE indexrelid = to_regclass('notes_text') AND indisvalid";
const THERE: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM pg_class WHERE relname = 'notes_text'";
/// A session that builds the index and waits.
const BUILDING: &str = "SELECT CAST(COALESCE(MAX(pid), 0) AS BIGINT) AS n FROM pg_stat_activity \
                        WHERE query LIKE 'CREATE UNIQUE INDEX CONCURRENTLY%' AND state = 'active' AND wait_event_type = 'Lock'";

fn notes() -> Migration {
    Migration::both(1, "notes", "CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL)")
}

fn indexed(script: &'static str) -> Migrations {
    Migrations::new(vec![notes(), Migration::both(2, "notes by text", script).outside_transaction()])
}

async fn open(url: &StoreUrl) -> Store {
    Store::open(url, Options::default()).await.unwrap()
}

/// A server with the table, and a connection that is not the store's.
async fn with_notes() -> (PrivatePostgres, Store, PgConnection) {
    let postgres = PrivatePostgres::start();
    let store = open(&postgres.url()).await;
    store.migrate(&Migrations::new(vec![notes()])).await.unwrap();
    let connection = postgres.url_text().parse::<PgConnectOptions>().unwrap().connect().await.unwrap();
    (postgres, store, connection)
}

async fn raw(connection: &mut PgConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sql).execute(connection).await.map(drop)
}

async fn eventually(store: &Store, sql: &'static str) -> i64 {
    loop {
        match number(store, sql).await {
            0 => tokio::task::yield_now().await,
            n => return n,
        }
    }
}

#[tokio::test]
async fn a_half_built_index_is_dropped_and_built_again() {
    for script in [INDEX, "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS notes_text ON notes (text)"] {
        let (_postgres, store, mut other) = with_notes().await;
        raw(&mut other, "INSERT INTO notes VALUES (1, 'x'), (2, 'x')").await.unwrap();
        raw(&mut other, script).await.unwrap_err();
        assert_eq!((number(&store, THERE).await, number(&store, VALID).await), (1, 0), "it is INVALID");
        raw(&mut other, "DELETE FROM notes WHERE id = 2").await.unwrap();
        assert_eq!(store.migrate(&indexed(script)).await.unwrap(), [2]);
        assert_eq!(number(&store, VALID).await, 1, "{script}");
    }
}

#[tokio::test]
async fn an_index_that_cannot_be_built_leaves_nothing_and_says_so() {
    let (_postgres, store, mut other) = with_notes().await;
    raw(&mut other, "INSERT INTO notes VALUES (1, 'x'), (2, 'x')").await.unwrap();
    let error = store.migrate(&indexed(INDEX)).await.unwrap_err();
    assert!(matches!(error, StoreError::Migration(MigrationError::Failed { version: 2, .. })), "{error:?}");
    assert!(error.to_string().ends_with("; the half-built index notes_text was dropped"), "{error}");
    assert_eq!(number(&store, THERE).await, 0);
    raw(&mut other, "DELETE FROM notes WHERE id = 2").await.unwrap();
    assert_eq!(store.migrate(&indexed(INDEX)).await.unwrap(), [2]);
}

#[tokio::test]
async fn an_index_of_another_program_is_not_taken_for_ours() {
    let (_postgres, store, mut other) = with_notes().await;
    raw(&mut other, "CREATE INDEX notes_text ON notes (id)").await.unwrap();
    let error = store.migrate(&indexed(INDEX)).await.unwrap_err().to_string();
    assert!(error.contains("already exists") && !error.contains("dropped"), "{error}");
    assert_eq!(number(&store, VALID).await, 1, "it stays");
}

#[tokio::test]
async fn an_index_without_a_name_is_refused_before_it_is_built() {
    let (_postgres, store, _other) = with_notes().await;
    let error = store.migrate(&indexed("CREATE INDEX CONCURRENTLY ON notes (text)")).await.unwrap_err();
    assert!(matches!(error, StoreError::Migration(MigrationError::Unmendable { .. })), "{error:?}");
}

/// A build that waits for a transaction that writes to the table.
#[tokio::test]
async fn a_build_whose_connection_is_terminated_is_mended_by_the_next_run() {
    let (_postgres, store, mut writer) = with_notes().await;
    raw(&mut writer, "BEGIN; INSERT INTO notes VALUES (1, 'x')").await.unwrap();
    let runner = tokio::spawn({
        let store = store.clone();
        async move { store.migrate(&indexed(INDEX)).await }
    });
    eventually(&store, BUILDING).await;
    run(
        &store,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE UNIQUE INDEX CONCURRENTLY%'",
    )
    .await
    .unwrap();
    let error = runner.await.unwrap().unwrap_err();
    assert!(matches!(error, StoreError::Migration(MigrationError::Failed { version: 2, .. })), "{error:?}");
    let left = "; the index notes_text may be left half-built (INVALID): the next run drops it and builds it again";
    assert!(error.to_string().ends_with(left), "{error}");
    raw(&mut writer, "COMMIT").await.unwrap();
    assert_eq!(store.migrate(&indexed(INDEX)).await.unwrap(), [2]);
    assert_eq!(number(&store, VALID).await, 1);
}

/// Not a test of its own: the process that [`a_runner_that_is_killed_while_it_builds`] starts and kills.
#[tokio::test]
#[ignore = "another test runs it as a process of its own"]
async fn runner() {
    let Ok(url) = std::env::var("MIGRATE_URL") else { return };
    open(&url.parse().unwrap()).await.migrate(&indexed(INDEX)).await.unwrap();
}

#[tokio::test]
async fn a_runner_that_is_killed_while_it_builds_is_waited_for_by_name_and_its_index_is_recorded() {
    let (postgres, store, mut writer) = with_notes().await;
    raw(&mut writer, "BEGIN; INSERT INTO notes VALUES (1, 'x')").await.unwrap();
    let mut runner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "half_built::runner", "--ignored"])
        .env("MIGRATE_URL", postgres.url_text())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let builder = eventually(&store, BUILDING).await;
    runner.kill().unwrap();
    runner.wait().unwrap();

    // The server goes on building for the process that is gone.
    let mut bounds = Options::default();
    bounds.migration_lock_timeout = Duration::from_millis(300);
    let impatient = Store::open(&postgres.url(), bounds).await.unwrap();
    let error = impatient.migrate(&indexed(INDEX)).await.unwrap_err();
    assert!(matches!(error, StoreError::Migration(MigrationError::Busy { .. })), "{error:?}");
    assert!(error.to_string().contains(&format!("process {builder} of PostgreSQL")), "{error}");

    let (next, _) = tokio::join!(
        async {
            let next = open(&postgres.url()).await;
            next.migrate(&indexed(INDEX)).await
        },
        async { raw(&mut writer, "COMMIT").await.unwrap() }
    );
    assert_eq!(next.unwrap(), [2]);
    assert_eq!(number(&store, VALID).await, 1);
    assert_eq!(store.pending(&indexed(INDEX)).await.unwrap(), []);
}

#[tokio::test]
async fn a_runner_that_is_terminated_in_the_middle_of_a_transaction_leaves_nothing() {
    let (_postgres, store, _other) = with_notes().await;
    let slow = "CREATE TABLE slow (id BIGINT); SELECT pg_sleep(60)";
    let slow = Migrations::new(vec![notes(), Migration::both(2, "slow", slow)]);
    let runner = tokio::spawn({
        let (store, slow) = (store.clone(), slow.clone());
        async move { store.migrate(&slow).await }
    });
    let asleep = "SELECT CAST(COALESCE(MAX(pid), 0) AS BIGINT) AS n FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    eventually(&store, asleep).await;
    run(&store, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'").await.unwrap();
    assert!(runner.await.unwrap().is_err());
    assert_eq!(number(&store, "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM pg_class WHERE relname = 'slow'").await, 0);
    assert_eq!(store.pending(&slow).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_step_outside_a_transaction_has_the_bounds_of_migrations() {
    let (postgres, _store, _other) = with_notes().await;
    let mut bounds = Options::default();
    (bounds.statement_timeout, bounds.migration_timeout) = (Duration::from_millis(50), Duration::from_millis(300));
    let store = Store::open(&postgres.url(), bounds).await.unwrap();
    let sleeping = |script| Migrations::new(vec![notes(), Migration::both(2, "slow", script).outside_transaction()]);
    let error = store.migrate(&sleeping("SELECT pg_sleep(60)")).await.unwrap_err().to_string();
    assert!(error.contains("statement timeout"), "{error}");
    assert_eq!(store.migrate(&sleeping("SELECT pg_sleep(0.1)")).await.unwrap(), [2]);
}

#[tokio::test]
async fn a_role_with_rights_to_rows_alone_serves_what_another_role_migrated() {
    let (postgres, owner, _other) = with_notes().await;
    owner.migrate(&indexed(INDEX).owned_by("notes")).await.unwrap();
    for sql in [
        "CREATE ROLE service LOGIN",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "GRANT USAGE ON SCHEMA public TO service",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON notes, evenkeel_idempotency TO service",
        "GRANT SELECT ON evenkeel_migrations TO service",
    ] {
        run(&owner, sql).await.unwrap();
    }
    let service = open(&postgres.url_text().replace("//test@", "//service@").parse().unwrap()).await;
    let all = indexed(INDEX).owned_by("notes");
    assert_eq!(service.pending(&all).await.unwrap(), []);
    assert_eq!(service.migrate(&all).await.unwrap(), [0_i64; 0], "there is nothing to do");
    run(&service, "INSERT INTO notes VALUES (1, 'x')").await.unwrap();
    let error = service.pending(&indexed(INDEX).owned_by("other")).await.unwrap_err().to_string();
    assert!(error.contains("belongs to the service \"notes\""), "{error}");

    let more = Migrations::new(vec![notes(), Migration::both(3, "more", "CREATE TABLE more (id BIGINT)")]);
    assert_eq!(service.pending(&more).await.unwrap().len(), 1);
    let error = service.migrate(&more).await.unwrap_err().to_string();
    assert!(error.contains("permission denied for schema public"), "{error}");
    assert_eq!(owner.migrate(&more).await.unwrap(), [3], "the role of migrations may");
}
