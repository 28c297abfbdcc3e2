//! One effect and one answer for each key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;

use super::bench::{Bench, counter, one, run};
use crate::{Engine, Fingerprint, IdempotencyKey, OnceOutcome, Recorded, Store, StoreError, StoredResponse, args};

fn key(text: &str) -> IdempotencyKey {
    text.parse().unwrap()
}

fn fingerprint(text: &str) -> Fingerprint {
    Fingerprint::of(&[text.as_bytes()])
}

fn answer(text: &str) -> StoredResponse {
    StoredResponse {
        status: 201,
        content_type: "text/plain".into(),
        headers: vec![("location".into(), "/x".into())],
        body: text.into(),
    }
}

/// Counts up once for a key.
async fn count_once(store: &Store, key: &IdempotencyKey, request: &str) -> Result<Recorded, StoreError> {
    store
        .once(key, fingerprint(request), |tx| {
            Box::pin(async move {
                tx.execute("UPDATE counters SET n = n + 1 WHERE id = 1", args![]).await?;
                let n: i64 = tx.fetch_one("SELECT n FROM counters WHERE id = 1", args![]).await?.get("n")?;
                Ok(OnceOutcome::Commit(answer(&n.to_string())))
            })
        })
        .await
}

pub(super) async fn a_repetition_gets_the_first_answer_also_after_reopening(bench: Bench) {
    let store = bench.open().await;
    let first = count_once(&store, &key("k"), "a").await.unwrap();
    assert_eq!(first, Recorded { answer: answer("1"), replayed: false });
    let again = Recorded { replayed: true, ..first };
    assert_eq!(count_once(&store, &key("k"), "a").await.unwrap(), again);
    store.close().await;
    let reopened = bench.open().await;
    assert_eq!(count_once(&reopened, &key("k"), "a").await.unwrap(), again);
    assert_eq!(counter(&reopened).await, 1);
}

pub(super) async fn a_key_of_another_request_is_refused_and_changes_nothing(bench: Bench) {
    let store = bench.open().await;
    count_once(&store, &key("k"), "a").await.unwrap();
    let error = count_once(&store, &key("k"), "b").await.unwrap_err();
    assert!(matches!(error, StoreError::KeyReused) && !error.is_transient(), "{error:?}");
    assert_eq!(counter(&store).await, 1);
}

pub(super) async fn fifty_repetitions_at_once_take_effect_once(bench: Bench) {
    let store = bench.open_with(|options| options.idempotency_wait = Duration::from_secs(30)).await;
    let key = key("k");
    let answers = join_all((0..50).map(|_| count_once(&store, &key, "a"))).await;
    let answers: Vec<Recorded> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|recorded| recorded.answer == answer("1")));
    assert_eq!(counter(&store).await, 1);
}

pub(super) async fn fifty_keys_at_once_take_effect_each(bench: Bench) {
    let store = bench.open().await;
    let keys: Vec<IdempotencyKey> = (0..50).map(|number| key(&format!("k{number}"))).collect();
    let answers = join_all(keys.iter().map(|key| count_once(&store, key, "a"))).await;
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Recorded { replayed: false, .. }))), "{answers:?}");
    assert_eq!(counter(&store).await, 50);
}

pub(super) async fn a_refusal_undoes_its_effect_and_is_remembered(bench: Bench) {
    let store = bench.open().await;
    let runs = Arc::new(AtomicUsize::new(0));
    for replayed in [false, true] {
        let recorded = store
            .once(&key("k"), fingerprint("a"), |tx| {
                let runs = runs.clone();
                Box::pin(async move {
                    runs.fetch_add(1, Ordering::Relaxed);
                    tx.execute("UPDATE counters SET n = 9", args![]).await?;
                    Ok::<_, StoreError>(OnceOutcome::Refuse(answer("no")))
                })
            })
            .await;
        assert_eq!(recorded.unwrap(), Recorded { answer: answer("no"), replayed });
    }
    assert_eq!((runs.load(Ordering::Relaxed), counter(&store).await), (1, 0));
}

pub(super) async fn a_refusal_after_a_failed_statement_is_remembered(bench: Bench) {
    let store = bench.open().await;
    for replayed in [false, true] {
        let recorded = store
            .once(&key("k"), fingerprint("a"), |tx| {
                Box::pin(async move {
                    let taken = tx.execute("INSERT INTO counters (id, n) VALUES (1, 1)", args![]).await;
                    assert!(matches!(taken, Err(StoreError::Constraint { .. })), "{taken:?}");
                    Ok::<_, StoreError>(OnceOutcome::Refuse(answer("taken")))
                })
            })
            .await;
        assert_eq!(recorded.unwrap(), Recorded { answer: answer("taken"), replayed });
    }
}

pub(super) async fn an_answer_after_a_failed_statement_that_was_handled_is_not_recorded(bench: Bench) {
    let store = bench.open().await;
    let recorded = store
        .once(&key("k"), fingerprint("a"), |tx| {
            Box::pin(async move {
                let _ = tx.execute("INSERT INTO counters (id, n) VALUES (1, 1)", args![]).await;
                Ok::<_, StoreError>(OnceOutcome::Commit(answer("done")))
            })
        })
        .await;
    assert!(recorded.is_err(), "{recorded:?}");
    assert!(!count_once(&store, &key("k"), "a").await.unwrap().replayed, "the key is free");
}

pub(super) async fn an_error_frees_the_key(bench: Bench) {
    let store = bench.open().await;
    let failed: Result<Recorded, StoreError> = store
        .once(&key("k"), fingerprint("a"), |tx| {
            Box::pin(async move {
                tx.execute("UPDATE counters SET n = 9", args![]).await?;
                Err(StoreError::KeyInUse)
            })
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(counter(&store).await, 0);
    assert!(!count_once(&store, &key("k"), "b").await.unwrap().replayed, "also for another request");
}

pub(super) async fn keys_of_two_callers_are_two_keys(bench: Bench) {
    let store = bench.open().await;
    let (ann, bob) = (key("1").in_scope("ann"), key("1").in_scope("bob"));
    for key in [&ann, &bob, &key("1")] {
        assert!(!count_once(&store, key, "a").await.unwrap().replayed);
    }
    assert!(count_once(&store, &ann, "a").await.unwrap().replayed);
    assert_eq!(counter(&store).await, 3);
}

pub(super) async fn scope_and_key_are_not_run_together(bench: Bench) {
    let store = bench.open().await;
    for key in [key("bc").in_scope("a"), key("c").in_scope("ab"), key("abc")] {
        assert!(!count_once(&store, &key, "a").await.unwrap().replayed);
    }
}

pub(super) async fn keys_are_compared_with_their_case(bench: Bench) {
    let store = bench.open().await;
    assert!(!count_once(&store, &key("Key"), "a").await.unwrap().replayed);
    assert!(!count_once(&store, &key("key"), "a").await.unwrap().replayed);
}

pub(super) async fn a_body_of_any_bytes_is_replayed_as_it_was(bench: Bench) {
    let store = bench.open().await;
    let headers = vec![("location".into(), "/x?a=\"b\"".into()), ("x-two".into(), String::new())];
    let first = StoredResponse { body: (0..=255).collect(), headers, ..answer("") };
    for replayed in [false, true] {
        let first = first.clone();
        let recorded = store
            .once(&key("k"), fingerprint("a"), |_tx| {
                let first = first.clone();
                Box::pin(async move { Ok::<_, StoreError>(OnceOutcome::Commit(first)) })
            })
            .await;
        assert_eq!(recorded.unwrap(), Recorded { answer: first, replayed });
    }
    // Bytes are kept as bytes, not as a list of numbers.
    let length: i64 =
        one(&store, "SELECT CAST(LENGTH(body) AS BIGINT) FROM evenkeel_idempotency", args![]).await.unwrap();
    assert_eq!(length, 256);
}

pub(super) async fn every_status_is_replayed(bench: Bench) {
    let store = bench.open().await;
    for status in [100, 204, 422, 599, u16::MAX] {
        for _ in 0..2 {
            let key = key(&format!("k{status}"));
            let recorded = store
                .once(&key, fingerprint("a"), |_tx| {
                    Box::pin(async move {
                        Ok::<_, StoreError>(OnceOutcome::Commit(StoredResponse { status, ..answer("") }))
                    })
                })
                .await;
            assert_eq!(recorded.unwrap().answer.status, status);
        }
    }
}

pub(super) async fn an_answer_can_be_asked_for_without_an_effect(bench: Bench) {
    let store = bench.open().await;
    assert_eq!(store.answered(&key("k"), fingerprint("a")).await.unwrap(), None);
    count_once(&store, &key("k"), "a").await.unwrap();
    assert_eq!(store.answered(&key("k"), fingerprint("a")).await.unwrap(), Some(answer("1")));
    let other = store.answered(&key("k"), fingerprint("b")).await;
    assert!(matches!(other, Err(StoreError::KeyReused)), "{other:?}");
    assert_eq!(store.answered(&key("k").in_scope("ann"), fingerprint("a")).await.unwrap(), None);
}

pub(super) async fn old_answers_are_forgotten_in_bounded_steps(bench: Bench) {
    let store = bench.open_with(|options| options.idempotency_retention = Duration::ZERO).await;
    for number in 0..5 {
        count_once(&store, &key(&format!("k{number}")), "a").await.unwrap();
    }
    assert_eq!(store.purge_idempotency(3).await.unwrap(), 3);
    assert_eq!(store.purge_idempotency(3).await.unwrap(), 2);
    assert_eq!(store.purge_idempotency(3).await.unwrap(), 0);
    assert!(!count_once(&store, &key("k0"), "a").await.unwrap().replayed);
}

pub(super) async fn answers_within_the_retention_are_kept(bench: Bench) {
    let store = bench.open().await;
    count_once(&store, &key("k"), "a").await.unwrap();
    assert_eq!(store.purge_idempotency(100).await.unwrap(), 0);
    assert!(count_once(&store, &key("k"), "a").await.unwrap().replayed);
}

/// A database whose log has the first shape, as version 0.1 of November 2026 made it.
pub(super) async fn keys_of_before_scopes_never_take_effect_again(bench: Bench) {
    let store = bench.bare().await;
    let (bytes, checksum) = match store.engine() {
        Engine::Sqlite => ("BLOB", "e7821c195faac12dff646100cd730a9700a21a0c28ecc7e41f1277bbbb9d20a6"),
        Engine::Postgres => ("BYTEA", "c9dfc8974eebf64e997ba15cb02e8a4b88d853b6701e87a89c94c3f935b16351"),
    };
    let old = format!(
        "CREATE TABLE evenkeel_migrations (owner TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, \
         checksum TEXT NOT NULL, PRIMARY KEY (owner, version));\
         CREATE TABLE evenkeel_idempotency (key TEXT PRIMARY KEY, fingerprint {bytes} NOT NULL, answer TEXT, \
         created_at BIGINT NOT NULL);\
         CREATE INDEX evenkeel_idempotency_created_at ON evenkeel_idempotency (created_at);\
         INSERT INTO evenkeel_idempotency VALUES ('old', '', '{{}}', 9000000000000000);\
         INSERT INTO evenkeel_migrations VALUES ('store', 1, 'idempotency log', '{checksum}')"
    );
    for statement in old.split(';') {
        run(&store, String::leak(statement.to_owned()), args![]).await.unwrap();
    }
    store.migrate(&Bench::schema()).await.unwrap();
    for key in [key("old"), key("old").in_scope("ann")] {
        let again = count_once(&store, &key, "a").await;
        assert!(matches!(again, Err(StoreError::KeyReused)), "{again:?}");
    }
    assert!(!count_once(&store, &key("new").in_scope("ann"), "a").await.unwrap().replayed);
    assert_eq!(counter(&store).await, 1);
}

pub(super) async fn a_dropped_request_leaves_its_key_free(bench: Bench) {
    let store = bench.open().await;
    let (entered, mut has_entered) = tokio::sync::mpsc::channel(1);
    let key = key("k");
    let hanging = store.once(&key, fingerprint("a"), |tx| {
        let entered = entered.clone();
        Box::pin(async move {
            tx.execute("UPDATE counters SET n = 9", args![]).await?;
            entered.send(()).await.unwrap();
            std::future::pending::<Result<OnceOutcome, StoreError>>().await
        })
    });
    tokio::select! {
        _ = hanging => unreachable!("it hangs"),
        _ = has_entered.recv() => {}
    }
    assert!(!count_once(&store, &key, "a").await.unwrap().replayed);
    assert_eq!(counter(&store).await, 1);
}
