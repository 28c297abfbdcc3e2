//! The schema and the statements that the tests share.
#![cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "SQLite alone needs fewer"))]

use evenkeel_store::{
    Fingerprint, IdempotencyKey, Migration, Migrations, OnceOutcome, Options, Recorded, Store, StoreError, StoreUrl,
    StoredResponse, args,
};

const SCHEMA: &str = "
CREATE TABLE counters (id BIGINT PRIMARY KEY, n BIGINT NOT NULL CHECK (n >= 0));
CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL, counter BIGINT REFERENCES counters (id));
CREATE UNIQUE INDEX notes_text ON notes (text);
INSERT INTO counters (id, n) VALUES (1, 0);
";

pub(crate) fn migrations() -> Migrations {
    Migrations::new(vec![Migration::both(1, "schema", SCHEMA)])
}

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
    StoredResponse::new(201, "text/plain", text)
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
