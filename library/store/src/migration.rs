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
    Migrations::new(vec![Migration {
        version: 1,
        name: "idempotency log",
        sqlite: idempotency::TABLE_SQLITE,
        postgres: idempotency::TABLE_POSTGRES,
    }])
}

const LOG: &str = "
CREATE TABLE IF NOT EXISTS evenkeel_migrations (
    owner TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (owner, version)
)";

/// Applies what is pending, in one transaction; returns the versions of the service's steps that were.
pub(crate) async fn apply(
    tx: &mut Transaction,
    engine: Engine,
    migrations: &Migrations,
) -> Result<Vec<i64>, StoreError> {
    if engine == Engine::Postgres {
        // Two instances that start at once take turns. The number is the first eight bytes of SHA-256("evenkeel").
        tx.execute("SELECT pg_advisory_xact_lock(7310874283846521957)", args![]).await?;
    }
    tx.script(LOG).await?;
    apply_steps(tx, engine, OWN, &own_steps()).await?;
    apply_steps(tx, engine, SERVICE, migrations).await
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

/// The versions of the service's steps that are not applied.
pub(crate) async fn pending(
    tx: &mut Transaction,
    engine: Engine,
    migrations: &Migrations,
) -> Result<Vec<i64>, StoreError> {
    tx.script(LOG).await?;
    let steps = pending_steps(tx, engine, SERVICE, migrations).await?;
    Ok(steps.iter().map(|step| step.version).collect())
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
