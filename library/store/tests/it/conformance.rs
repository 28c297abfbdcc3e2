//! What every engine does: each scenario runs on SQLite and on a private PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use evenkeel_store::{
    Fingerprint, IdempotencyKey, Migration, Migrations, OnceOutcome, Options, Recorded, Store, StoreError, StoreUrl,
    StoredResponse, args,
};
use futures_util::future::join_all;

const NOTES: &str = "
CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT, flag BOOLEAN, bytes BYTEA);
CREATE INDEX notes_text ON notes (text);
";

fn migrations() -> Migrations {
    Migrations::new(vec![Migration::both(1, "notes", NOTES)])
}

/// The default bounds, with some of them changed.
fn options<T>(change: impl FnOnce(&mut Options) -> T) -> Options {
    let mut options = Options::default();
    change(&mut options);
    options
}

async fn open(url: &StoreUrl) -> Store {
    let store = Store::open(url, Options::default()).await.unwrap();
    store.migrate(&migrations()).await.unwrap();
    store
}

/// A module an engine, with a test a scenario.
macro_rules! on_both_engines {
    ($($scenario:ident),+ $(,)?) => {
        #[cfg(feature = "sqlite")]
        mod sqlite {
            $(#[tokio::test]
            async fn $scenario() {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite:{}/deep/er/test.db", folder.path().display()).parse().unwrap();
                super::$scenario(url).await;
            })+
        }
        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[tokio::test]
            async fn $scenario() {
                let postgres = evenkeel_store::testing::PrivatePostgres::start();
                super::$scenario(postgres.url()).await;
            })+
        }
        #[cfg(feature = "postgres")]
        mod behind_pgbouncer {
            $(#[tokio::test]
            async fn $scenario() {
                let postgres = evenkeel_store::testing::PrivatePostgres::start();
                let pooler = postgres.behind_pgbouncer();
                super::$scenario(pooler.url()).await;
            })+
        }
    };
}

on_both_engines!(
    migrations_are_applied_once_and_a_changed_one_is_refused,
    a_failed_migration_leaves_nothing,
    what_is_written_is_read_and_what_failed_is_not,
    a_dropped_transaction_leaves_nothing_and_gives_its_connection_back,
    values_survive_the_way_there_and_back,
    a_repetition_gets_the_first_answer_and_another_request_is_refused,
    fifty_repetitions_at_once_take_effect_once,
    a_refusal_undoes_its_effect_and_is_remembered,
    an_error_frees_the_key,
    a_full_pool_refuses_in_bounded_time,
    old_answers_are_forgotten_in_bounded_steps,
    a_violated_constraint_is_told,
    a_read_cannot_write,
);

async fn migrations_are_applied_once_and_a_changed_one_is_refused(url: StoreUrl) {
    let store = Store::open(&url, Options::default()).await.unwrap();
    let pending = store.pending(&migrations()).await.unwrap();
    let pending: Vec<(&str, i64)> = pending.iter().map(|step| (step.owner, step.version)).collect();
    assert_eq!(pending, [("store", 1), ("store", 2), ("service", 1)]);
    assert_eq!(store.migrate(&migrations()).await.unwrap(), [1]);
    assert_eq!(store.migrate(&migrations()).await.unwrap(), [0i64; 0]);
    let changed = Migrations::new(vec![Migration::both(1, "notes", "CREATE TABLE other (id BIGINT)")]);
    let error = store.migrate(&changed).await.unwrap_err();
    assert!(error.to_string().contains("add a new migration"), "{error}");
}

async fn a_failed_migration_leaves_nothing(url: StoreUrl) {
    let store = Store::open(&url, Options::default()).await.unwrap();
    let broken = Migrations::new(vec![Migration::both(1, "half", "CREATE TABLE half (id BIGINT); CREATE NONSENSE;")]);
    assert!(matches!(
        store.migrate(&broken).await,
        Err(StoreError::Migration(evenkeel_store::MigrationError::Failed { version: 1, .. }))
    ));
    let whole = Migrations::new(vec![Migration::both(1, "half", "CREATE TABLE half (id BIGINT)")]);
    assert_eq!(store.migrate(&whole).await.unwrap(), [1]);
}

async fn insert(store: &Store, id: i64) -> Result<(), StoreError> {
    let insert = "INSERT INTO notes (id, text) VALUES ($1, 'x')";
    store.write(|tx| Box::pin(async move { tx.execute(insert, args![id]).await.map(drop) })).await
}

async fn count(store: &Store) -> i64 {
    let count = "SELECT COUNT(*) AS n FROM notes";
    store
        .read(|tx| Box::pin(async move { tx.fetch_one(count, args![]).await?.get("n") }))
        .await
        .unwrap_or_else(|error: StoreError| panic!("{error}"))
}

async fn what_is_written_is_read_and_what_failed_is_not(url: StoreUrl) {
    let store = open(&url).await;
    insert(&store, 1).await.unwrap();
    let failed: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.execute("INSERT INTO notes (id) VALUES (2)", args![]).await?;
                Err(StoreError::KeyReused)
            })
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(count(&store).await, 1);
    store.close().await;
    assert_eq!(count(&open(&url).await).await, 1);
}

async fn a_dropped_transaction_leaves_nothing_and_gives_its_connection_back(url: StoreUrl) {
    let store = open(&url).await;
    for _ in 0..40 {
        let (entered, mut has_entered) = tokio::sync::mpsc::channel(1);
        let hanging = store.write(|tx| {
            let entered = entered.clone();
            Box::pin(async move {
                tx.execute("INSERT INTO notes (id) VALUES (1)", args![]).await?;
                entered.send(()).await.unwrap();
                std::future::pending::<Result<(), StoreError>>().await
            })
        });
        tokio::select! {
            _ = hanging => unreachable!("it hangs"),
            _ = has_entered.recv() => {}
        }
    }
    assert_eq!(count(&store).await, 0);
    insert(&store, 1).await.unwrap();
}

async fn values_survive_the_way_there_and_back(url: StoreUrl) {
    let store = open(&url).await;
    type Note = (i64, Option<&'static str>, Option<bool>, Option<Vec<u8>>);
    let cases: [Note; 4] = [
        (i64::MAX, Some("\u{1f980} 'quoted' \"text\""), Some(true), Some(vec![0, 255, 10])),
        (i64::MIN, Some(""), Some(false), Some(vec![])),
        (0, None, None, None),
        (1, Some("; DROP TABLE notes; --"), None, Some(vec![39; 5000])),
    ];
    for (id, text, flag, bytes) in cases {
        let values = args![id, text, flag, bytes.clone()];
        let row = store
            .write(|tx| {
                let values = values.clone();
                Box::pin(async move {
                    tx.execute("INSERT INTO notes (id, text, flag, bytes) VALUES ($1, $2, $3, $4)", values).await?;
                    tx.fetch_one("SELECT id, text, flag, bytes FROM notes WHERE id = $1", args![id]).await
                })
            })
            .await
            .unwrap_or_else(|error: StoreError| panic!("{error}"));
        assert_eq!(row.get::<i64>("id").unwrap(), id);
        assert_eq!(row.get::<Option<String>>("text").unwrap().as_deref(), text);
        assert_eq!(row.get::<Option<bool>>("flag").unwrap(), flag);
        assert_eq!(row.get::<Option<Vec<u8>>>("bytes").unwrap(), bytes);
        let error = row.get::<i64>("nothing").unwrap_err().to_string();
        assert!(error.contains("nothing"), "{error}");
    }
}

fn key(text: &str) -> IdempotencyKey {
    text.parse().unwrap()
}

fn answer(status: u16, text: &str) -> StoredResponse {
    StoredResponse {
        status,
        content_type: "text/plain".into(),
        headers: vec![("location".into(), "/x".into())],
        body: text.into(),
    }
}

/// Inserts a row once and answers with its number.
async fn insert_once(store: &Store, name: &str, request: &str, id: i64) -> Result<Recorded, StoreError> {
    let insert = "INSERT INTO notes (id, text) VALUES ($1, 'x')";
    store
        .once(&key(name), Fingerprint::of(&[request.as_bytes()]), |tx| {
            Box::pin(async move {
                tx.execute(insert, args![id]).await?;
                Ok(OnceOutcome::Commit(answer(201, &id.to_string())))
            })
        })
        .await
}

async fn a_repetition_gets_the_first_answer_and_another_request_is_refused(url: StoreUrl) {
    let store = open(&url).await;
    let first = insert_once(&store, "k", "a", 1).await.unwrap();
    assert!(!first.replayed);
    let second = insert_once(&store, "k", "a", 2).await.unwrap();
    assert_eq!(second, Recorded { replayed: true, ..first.clone() });
    assert!(matches!(insert_once(&store, "k", "b", 3).await, Err(StoreError::KeyReused)));
    assert_eq!(count(&store).await, 1);
    store.close().await;
    let reopened = open(&url).await;
    assert_eq!(insert_once(&reopened, "k", "a", 4).await.unwrap(), Recorded { replayed: true, ..first });
}

async fn fifty_repetitions_at_once_take_effect_once(url: StoreUrl) {
    let options = options(|options| options.idempotency_wait = Duration::from_secs(30));
    let store = Store::open(&url, options).await.unwrap();
    store.migrate(&migrations()).await.unwrap();
    let answers = join_all((0..50).map(|id| insert_once(&store, "k", "a", id))).await;
    let answers: Vec<Recorded> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|recorded| recorded.answer == answers[0].answer));
    assert_eq!(count(&store).await, 1);
}

async fn a_refusal_undoes_its_effect_and_is_remembered(url: StoreUrl) {
    let store = open(&url).await;
    let runs = Arc::new(AtomicUsize::new(0));
    for replayed in [false, true] {
        let recorded = store
            .once(&key("k"), Fingerprint::of(&[b"a"]), |tx| {
                let runs = runs.clone();
                Box::pin(async move {
                    runs.fetch_add(1, Ordering::Relaxed);
                    tx.execute("INSERT INTO notes (id) VALUES (1)", args![]).await?;
                    Ok::<_, StoreError>(OnceOutcome::Refuse(answer(422, "no")))
                })
            })
            .await
            .unwrap();
        assert_eq!(recorded, Recorded { answer: answer(422, "no"), replayed });
    }
    assert_eq!((runs.load(Ordering::Relaxed), count(&store).await), (1, 0));
}

async fn an_error_frees_the_key(url: StoreUrl) {
    let store = open(&url).await;
    insert(&store, 1).await.unwrap();
    assert!(matches!(insert_once(&store, "k", "a", 1).await, Err(StoreError::Constraint { .. })));
    assert!(!insert_once(&store, "k", "a", 2).await.unwrap().replayed);
}

async fn a_full_pool_refuses_in_bounded_time(url: StoreUrl) {
    // Far more than the holder needs on a busy machine; the one who is refused waits it out on a stopped clock.
    let bound = Duration::from_secs(60);
    let options = options(|options| (options.connections, options.acquire_timeout) = (Some(1), bound));
    let store = Store::open(&url, options).await.unwrap();
    store.migrate(&migrations()).await.unwrap();
    let (entered, mut has_entered) = tokio::sync::mpsc::channel(1);
    let holding = store.write(|_tx| {
        let entered = entered.clone();
        Box::pin(async move {
            entered.send(()).await.unwrap();
            std::future::pending::<Result<(), StoreError>>().await
        })
    });
    let refused = async {
        has_entered.recv().await.unwrap();
        // From here on nothing but the timer can end the wait, so that the clock jumps to it.
        tokio::time::pause();
        insert(&store, 1).await.unwrap_err()
    };
    tokio::select! {
        _ = holding => unreachable!("it holds the only connection"),
        error = refused => {
            let told = matches!(error, StoreError::AcquireTimeout { waited, .. } if waited == bound);
            assert!(told && error.is_transient(), "{error}");
        }
    }
}

async fn old_answers_are_forgotten_in_bounded_steps(url: StoreUrl) {
    let options = options(|options| options.idempotency_retention = Duration::ZERO);
    let store = Store::open(&url, options).await.unwrap();
    store.migrate(&migrations()).await.unwrap();
    for id in 0..5 {
        insert_once(&store, &format!("k{id}"), "a", id).await.unwrap();
    }
    assert_eq!(store.purge_idempotency(3).await.unwrap(), 3);
    assert_eq!(store.purge_idempotency(3).await.unwrap(), 2);
    assert!(!insert_once(&store, "k0", "a", 9).await.unwrap().replayed);
}

async fn a_violated_constraint_is_told(url: StoreUrl) {
    let store = open(&url).await;
    insert(&store, 1).await.unwrap();
    let error = insert(&store, 1).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }) && !error.is_transient(), "{error}");
}

async fn a_read_cannot_write(url: StoreUrl) {
    let store = open(&url).await;
    let written: Result<u64, StoreError> =
        store.read(|tx| Box::pin(async move { tx.execute("INSERT INTO notes (id) VALUES (1)", args![]).await })).await;
    assert!(matches!(written, Err(StoreError::ReadOnly(_))), "{written:?}");
    assert_eq!(count(&store).await, 0);
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_read_has_a_bound() {
    let store = open(&"sqlite::memory:".parse().unwrap()).await;
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= 10000) SELECT i FROM n";
    let rows = store.read(|tx| Box::pin(async move { tx.fetch_all(many, args![]).await })).await;
    assert!(matches!(rows, Err(StoreError::TooManyRows { bound: 10_000 })));
}

#[cfg(all(feature = "sqlite", feature = "postgres"))]
#[tokio::test]
async fn a_store_that_cannot_be_opened_says_where_why_and_what_to_do() {
    for url in ["sqlite:/proc/nothing/x.db", "postgres://u:hunter22@127.0.0.1:1/x"] {
        let error = Store::open(&url.parse().unwrap(), Options::default()).await.unwrap_err().to_string();
        assert!(error.contains("cannot open") && error.contains("DATABASE_URL"), "{error}");
        assert!(!error.contains("hunter22"), "{error}");
    }
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_commit_that_fails_costs_its_own_transaction_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&format!("sqlite:{}/test.db", folder.path().display()).parse().unwrap()).await;
    // As SQLite does by itself when a commit finds no space.
    let ended: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.execute("INSERT INTO notes (id) VALUES (1)", args![]).await?;
                tx.execute("ROLLBACK", args![]).await.map(drop)
            })
        })
        .await;
    assert!(ended.is_err(), "there was nothing left to commit");
    for id in 2..5 {
        let written: Result<u64, StoreError> = store
            .write(|tx| {
                Box::pin(async move { tx.execute("INSERT INTO notes (id) VALUES ($1)", args![i64::from(id)]).await })
            })
            .await;
        assert_eq!(written.unwrap(), 1);
    }
}
