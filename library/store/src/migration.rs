//! The schema's steps: ordered, applied once, never changed after.

use sha2::{Digest, Sha256};

use crate::{Engine, StoreError, Transaction, args, idempotency};

/// One step of the schema.
#[derive(Clone, Debug)]
pub struct Migration {
    /// Steps are applied in the order of their versions.
    pub version: i64,
    /// What it does, in a word or two.
    pub name: &'static str,
    /// The script for SQLite.
    pub sqlite: &'static str,
    /// The script for PostgreSQL.
    pub postgres: &'static str,
}

/// The steps of a schema, in order.
#[derive(Clone, Debug, Default)]
pub struct Migrations {
    steps: Vec<Migration>,
}

impl Migration {
    /// A step whose script both engines take.
    pub fn both(version: i64, name: &'static str, script: &'static str) -> Self {
        Self { version, name, sqlite: script, postgres: script }
    }

    fn script(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }

    fn checksum(&self, engine: Engine) -> Vec<u8> {
        Sha256::digest(self.script(engine)).to_vec()
    }
}

impl Migrations {
    /// The steps, which are put in order.
    ///
    /// # Panics
    /// When two have the same version.
    pub fn new(mut steps: Vec<Migration>) -> Self {
        steps.sort_by_key(|step| step.version);
        for pair in steps.windows(2) {
            assert!(pair[0].version < pair[1].version, "two migrations have version {}", pair[0].version);
        }
        Self { steps }
    }
}

impl From<Vec<Migration>> for Migrations {
    fn from(steps: Vec<Migration>) -> Self {
        Self::new(steps)
    }
}

/// The store's own steps come under an owner of their own, so that versions cannot meet.
const OWN: &str = "store";
const SERVICE: &str = "service";

fn own_steps() -> Migrations {
    Migrations::new(vec![
        Migration {
            version: 1,
            name: "idempotency log",
            sqlite: idempotency::TABLE_SQLITE,
            postgres: idempotency::TABLE_POSTGRES,
        },
        Migration {
            version: 2,
            name: "idempotency keys by scope",
            sqlite: idempotency::SCOPE_SQLITE,
            postgres: idempotency::SCOPE_POSTGRES,
        },
    ])
}

const LOG: &str = "
CREATE TABLE IF NOT EXISTS evenkeel_migrations (
    owner TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (owner, version)
)";

/// The advisory lock of migrations on PostgreSQL: the first eight bytes of SHA-256("evenkeel").
const LOCK: i64 = 7_310_874_283_846_521_957;

/// Whose turn it is to migrate.
pub(crate) enum Turn {
    /// This transaction holds the lock.
    Ours,
    /// Another session holds it: its process id and application.
    HeldBy(String),
}

/// Takes the lock of migrations if it is free. Never waits: a transaction that waits for a lock would itself hold up
/// `CREATE INDEX CONCURRENTLY`. On SQLite a transaction that writes is alone.
pub(crate) async fn take_turn(tx: &mut Transaction, engine: Engine) -> Result<Turn, StoreError> {
    if engine == Engine::Sqlite {
        return Ok(Turn::Ours);
    }
    let row = tx.fetch_one("SELECT pg_try_advisory_xact_lock($1) AS ours", args![LOCK]).await?;
    if row.get::<bool>("ours")? {
        return Ok(Turn::Ours);
    }
    let holder = tx
        .fetch_optional(
            "SELECT CAST(a.pid AS BIGINT) AS pid, COALESCE(a.application_name, '') AS application, \
                    COALESCE(CAST(a.client_addr AS TEXT), 'local') AS address \
             FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
             WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
               AND CAST(l.classid AS BIGINT) = ($1 >> 32) AND CAST(l.objid AS BIGINT) = ($1 & 4294967295) LIMIT 1",
            args![LOCK],
        )
        .await?;
    let holder = match holder {
        Some(row) => format!(
            "process {} of PostgreSQL ({}, application {:?})",
            row.get::<i64>("pid")?,
            row.get::<String>("address")?,
            row.get::<String>("application")?,
        ),
        None => "another session".to_owned(),
    };
    Ok(Turn::HeldBy(holder))
}

/// The error when the lock was not free in time.
pub(crate) fn lock_not_free(waited: std::time::Duration, holder: &str) -> StoreError {
    let reason = format!(
        "{holder} has held the lock of migrations for {waited:?}; let it finish, or end it with pg_terminate_backend"
    );
    StoreError::Migration { version: 0, name: "waiting for the lock".to_owned(), reason }
}

/// Applies what is pending, in one transaction; returns the versions of the service's steps that were.
pub(crate) async fn apply(
    tx: &mut Transaction,
    engine: Engine,
    migrations: &Migrations,
) -> Result<Vec<i64>, StoreError> {
    // A role that may not create tables can still find that there is nothing to do.
    if !has_log(tx, engine).await? {
        tx.script(LOG).await?;
    }
    apply_steps(tx, engine, OWN, &own_steps()).await?;
    apply_steps(tx, engine, SERVICE, migrations).await
}

async fn has_log(tx: &mut Transaction, engine: Engine) -> Result<bool, StoreError> {
    let there = match engine {
        Engine::Sqlite => "SELECT 1 AS one FROM sqlite_master WHERE type = 'table' AND name = 'evenkeel_migrations'",
        Engine::Postgres => "SELECT CAST(1 AS BIGINT) AS one WHERE to_regclass('evenkeel_migrations') IS NOT NULL",
    };
    Ok(tx.fetch_optional(there, args![]).await?.is_some())
}

async fn apply_steps(
    tx: &mut Transaction,
    engine: Engine,
    owner: &'static str,
    migrations: &Migrations,
) -> Result<Vec<i64>, StoreError> {
    let mut applied = Vec::new();
    for step in pending_steps(tx, engine, owner, migrations).await? {
        let failed = |reason| StoreError::Migration { version: step.version, name: step.name.to_owned(), reason };
        tx.script(step.script(engine)).await.map_err(|error| failed(error.to_string()))?;
        tx.execute(
            "INSERT INTO evenkeel_migrations (owner, version, name, checksum) VALUES ($1, $2, $3, $4)",
            args![owner, step.version, step.name, hex(&step.checksum(engine))],
        )
        .await?;
        applied.push(step.version);
    }
    Ok(applied)
}

/// A migration that is not applied yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingMigration {
    /// `store` for the tables of this library, `service` for those of the service.
    pub owner: &'static str,
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: &'static str,
}

/// Lists the steps that are not applied, the store's own before the service's. Only reads.
pub(crate) async fn pending(
    tx: &mut Transaction,
    engine: Engine,
    migrations: &Migrations,
) -> Result<Vec<PendingMigration>, StoreError> {
    let known = has_log(tx, engine).await?;
    let mut all = Vec::new();
    for (owner, steps) in [(OWN, &own_steps()), (SERVICE, migrations)] {
        let pending = if known { pending_steps(tx, engine, owner, steps).await? } else { steps.steps.clone() };
        all.extend(pending.iter().map(|step| PendingMigration { owner, version: step.version, name: step.name }));
    }
    Ok(all)
}

async fn pending_steps(
    tx: &mut Transaction,
    engine: Engine,
    owner: &'static str,
    migrations: &Migrations,
) -> Result<Vec<Migration>, StoreError> {
    let rows = tx
        .fetch_all("SELECT version, checksum FROM evenkeel_migrations WHERE owner = $1 ORDER BY version", args![owner])
        .await?;
    let mut known = Vec::with_capacity(rows.len());
    for row in &rows {
        known.push((row.get::<i64>("version")?, row.get::<String>("checksum")?));
    }
    let mut pending = Vec::new();
    for step in &migrations.steps {
        match known.iter().find(|(version, _)| *version == step.version) {
            None => pending.push(step.clone()),
            Some((_, checksum)) if *checksum == hex(&step.checksum(engine)) => {}
            Some(_) => {
                let reason = "it was changed after it had been applied; take the change back and add a new migration";
                let (version, name) = (step.version, step.name.to_owned());
                return Err(StoreError::Migration { version, name, reason: reason.to_owned() });
            }
        }
    }
    Ok(pending)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
