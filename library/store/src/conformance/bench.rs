//! The database of a case: its schema, and the statements that every case needs.

use crate::{Engine, FromRow, FromValue, Migration, Migrations, Options, Store, StoreError, StoreUrl, Value};

const SCHEMA: &str = "
CREATE TABLE counters (id BIGINT PRIMARY KEY, n BIGINT NOT NULL CHECK (n >= 0));
CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL, counter BIGINT REFERENCES counters (id));
CREATE UNIQUE INDEX notes_text ON notes (text);
INSERT INTO counters (id, n) VALUES (1, 0);
";
const KINDS_SQLITE: &str = "
CREATE TABLE kinds (id INTEGER PRIMARY KEY, int INTEGER, flag BOOLEAN, text TEXT, bytes BLOB, float REAL, uuid TEXT,
    time TEXT, number TEXT, document TEXT)";
const KINDS_POSTGRES: &str = "
CREATE TABLE kinds (id BIGINT PRIMARY KEY, int BIGINT, flag BOOLEAN, text TEXT, bytes BYTEA, float DOUBLE PRECISION, uuid UUID,
    time TIMESTAMPTZ, number NUMERIC, document JSONB)";

/// The database of one case.
pub(super) struct Bench {
    pub(super) url: StoreUrl,
}

impl Bench {
    pub(super) fn new(url: StoreUrl) -> Self {
        Self { url }
    }

    pub(super) fn schema() -> Migrations {
        Migrations::new(vec![
            Migration::both(1, "schema", SCHEMA),
            Migration::both(2, "kinds", KINDS_SQLITE).on_postgres(KINDS_POSTGRES),
        ])
    }

    /// A store without a schema.
    pub(super) async fn bare(&self) -> Store {
        Store::open(&self.url, Options::default()).await.unwrap()
    }

    /// A store with the schema of the suite.
    pub(super) async fn open(&self) -> Store {
        self.open_with(|_| ()).await
    }

    pub(super) async fn open_with(&self, change: impl FnOnce(&mut Options)) -> Store {
        let mut options = Options::default();
        change(&mut options);
        let store = Store::open(&self.url, options).await.unwrap();
        store.migrate(&Self::schema()).await.unwrap();
        store
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.url.engine() == Engine::Postgres
    }
}

/// Runs one statement in a transaction of its own.
pub(super) async fn run(store: &Store, sql: &'static str, args: Vec<Value>) -> Result<u64, StoreError> {
    store
        .write(|tx| {
            let args = args.clone();
            Box::pin(async move { tx.execute(sql, args).await })
        })
        .await
}

/// Runs one read.
pub(super) async fn rows<T: FromRow + Send>(
    store: &Store,
    sql: &'static str,
    args: Vec<Value>,
) -> Result<Vec<T>, StoreError> {
    store
        .read(|tx| {
            let args = args.clone();
            Box::pin(async move { tx.fetch_all_as(sql, args).await })
        })
        .await
}

/// The first column of the only row of a read.
pub(super) async fn one<T: FromValue + Send>(
    store: &Store,
    sql: &'static str,
    args: Vec<Value>,
) -> Result<T, StoreError> {
    store
        .read(|tx| {
            let args = args.clone();
            Box::pin(async move { tx.fetch_one(sql, args).await?.at(0) })
        })
        .await
}

pub(super) async fn counter(store: &Store) -> i64 {
    one(store, "SELECT n FROM counters WHERE id = 1", Vec::new()).await.unwrap()
}

pub(super) async fn notes(store: &Store) -> i64 {
    one(store, "SELECT COUNT(*) FROM notes", Vec::new()).await.unwrap()
}

pub(super) async fn count_up(store: &Store) -> Result<u64, StoreError> {
    run(store, "UPDATE counters SET n = n + 1 WHERE id = 1", Vec::new()).await
}

pub(super) async fn add_note(store: &Store, id: i64, text: &str) -> Result<u64, StoreError> {
    run(store, "INSERT INTO notes (id, text) VALUES ($1, $2)", crate::args![id, text]).await
}
