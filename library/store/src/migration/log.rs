//! The table of migrations: the steps that were applied, those that were begun outside a transaction, and the owner of the database.

use super::error::MigrationError;
use super::step::{Migration, Migrations};
use crate::{Engine, StoreError, Transaction, args};

const TABLE: &str = "
CREATE TABLE IF NOT EXISTS evenkeel_migrations (
    owner TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (owner, version)
)";

/// The owner of the row whose name is the service that owns the database; its version is 0.
const DATABASE: &str = "database";
/// The owner of the rows of the service's steps.
pub(crate) const SERVICE: &str = "service";
/// The owner of rows of steps that were begun outside a transaction.
pub(crate) const BEGUN: &str = "begun";

/// Returns true if the table exists. Needs only the right to read the schema.
pub(crate) async fn exists(tx: &mut Transaction, engine: Engine) -> Result<bool, StoreError> {
    let there = match engine {
        Engine::Sqlite => "SELECT 1 AS one FROM sqlite_master WHERE type = 'table' AND name = 'evenkeel_migrations'",
        Engine::Postgres => "SELECT CAST(1 AS BIGINT) AS one WHERE to_regclass('evenkeel_migrations') IS NOT NULL",
    };
    Ok(tx.fetch_optional(there, args![]).await?.is_some())
}

pub(crate) async fn create(tx: &mut Transaction) -> Result<(), StoreError> {
    tx.script(TABLE).await
}

/// Refuses a database that another service owns.
pub(crate) async fn check_owner(tx: &mut Transaction, migrations: &Migrations) -> Result<(), StoreError> {
    match (owner(tx).await?, &migrations.service) {
        (Some(owner), Some(service)) if owner != *service && !migrations.formerly.contains(&owner) => {
            Err(MigrationError::OtherService { owner, service: service.clone() }.into())
        }
        _ => Ok(()),
    }
}

/// Records the owner of the database, or refuses one of another service.
pub(crate) async fn own(tx: &mut Transaction, migrations: &Migrations) -> Result<(), StoreError> {
    check_owner(tx, migrations).await?;
    let Some(service) = &migrations.service else { return Ok(()) };
    // Only what changes is written: a role that may only read this table can find that there is nothing to do.
    if owner(tx).await?.as_ref() == Some(service) {
        return Ok(());
    }
    tx.execute(
        "INSERT INTO evenkeel_migrations (owner, version, name, checksum) VALUES ($1, 0, $2, '') \
         ON CONFLICT (owner, version) DO UPDATE SET name = excluded.name",
        args![DATABASE, service],
    )
    .await
    .map(drop)
}

async fn owner(tx: &mut Transaction) -> Result<Option<String>, StoreError> {
    let owner = "SELECT name FROM evenkeel_migrations WHERE owner = $1 AND version = 0";
    Ok(tx.fetch_optional_as::<(String,)>(owner, args![DATABASE]).await?.map(|(name,)| name))
}

/// The steps that are not applied yet.
pub(crate) async fn pending(
    tx: &mut Transaction,
    engine: Engine,
    owner: &'static str,
    migrations: &Migrations,
) -> Result<Vec<Migration>, StoreError> {
    let known: Vec<(i64, String, String)> = tx
        .fetch_all_as("SELECT version, name, checksum FROM evenkeel_migrations WHERE owner = $1", args![owner])
        .await?;
    let mut pending = Vec::new();
    for step in &migrations.steps {
        match known.iter().find(|(version, ..)| *version == step.version) {
            None => pending.push(step.clone()),
            Some((.., checksum)) if *checksum == step.checksum(engine) => {}
            Some((_, found, _)) if found != step.name => {
                let (version, name, found) = (step.version, step.name, found.clone());
                return Err(MigrationError::OtherStep { version, name, found }.into());
            }
            Some(_) => return Err(MigrationError::Changed { version: step.version, name: step.name }.into()),
        }
    }
    Ok(pending)
}

/// Returns true if a step has a row under this owner.
pub(crate) async fn has(tx: &mut Transaction, owner: &'static str, step: &Migration) -> Result<bool, StoreError> {
    let row = "SELECT version FROM evenkeel_migrations WHERE owner = $1 AND version = $2";
    Ok(tx.fetch_optional(row, args![owner, step.version]).await?.is_some())
}

/// Records a step as applied, in the transaction of its effect.
pub(crate) async fn record(
    tx: &mut Transaction,
    engine: Engine,
    owner: &'static str,
    step: &Migration,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO evenkeel_migrations (owner, version, name, checksum) VALUES ($1, $2, $3, $4)",
        args![owner, step.version, step.name, step.checksum(engine)],
    )
    .await
    .map(drop)
}

/// Records that a step outside a transaction begins. It may have been begun before.
pub(crate) async fn begin(tx: &mut Transaction, engine: Engine, step: &Migration) -> Result<(), StoreError> {
    insert_once(tx, engine, BEGUN, step).await.map(drop)
}

/// Records a step outside a transaction as applied; it is no longer begun. Returns false when another instance was faster.
pub(crate) async fn record_outside(tx: &mut Transaction, engine: Engine, step: &Migration) -> Result<bool, StoreError> {
    let inserted = insert_once(tx, engine, SERVICE, step).await?;
    let over = "DELETE FROM evenkeel_migrations WHERE owner = $1 AND version = $2";
    tx.execute(over, args![BEGUN, step.version]).await?;
    Ok(inserted == 1)
}

async fn insert_once(
    tx: &mut Transaction,
    engine: Engine,
    owner: &'static str,
    step: &Migration,
) -> Result<u64, StoreError> {
    tx.execute(
        "INSERT INTO evenkeel_migrations (owner, version, name, checksum) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (owner, version) DO NOTHING",
        args![owner, step.version, step.name, step.checksum(engine)],
    )
    .await
}
