//! Applies steps in a transaction, and lists those that are not applied.

use super::log;
use super::step::{Migration, Migrations};
use crate::{Engine, StoreError, Transaction, idempotency};

/// A migration that is not applied yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingMigration {
    /// `store` for the tables of the store, `service` for those of the service, else the name of a library.
    pub owner: &'static str,
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: &'static str,
}

/// The store's own steps come under an owner of their own, so that versions cannot meet.
const OWN: &str = "store";

fn own_steps() -> Migrations {
    Migrations::new(vec![
        Migration::both(1, "idempotency log", idempotency::TABLE_SQLITE).on_postgres(idempotency::TABLE_POSTGRES),
        Migration::both(2, "idempotency keys by scope", idempotency::SCOPE_SQLITE)
            .on_postgres(idempotency::SCOPE_POSTGRES),
    ])
}

/// All steps with their owners, in the order in which they are applied.
fn owners<'a>(own: &'a Migrations, migrations: &'a Migrations) -> impl Iterator<Item = (&'static str, &'a Migrations)> {
    let libraries = migrations.libraries.iter().map(|(owner, steps)| (*owner, steps));
    std::iter::once((OWN, own)).chain(libraries).chain(std::iter::once((log::SERVICE, migrations)))
}

/// The steps that a transaction applied, and the step that must follow outside of one.
pub(crate) struct Applied {
    /// The versions of the service's steps.
    pub(crate) versions: Vec<i64>,
    pub(crate) outside: Option<Migration>,
}

/// Applies what is pending, in one transaction, up to the first step that runs outside of one.
pub(crate) async fn apply(
    tx: &mut Transaction,
    engine: Engine,
    migrations: &Migrations,
) -> Result<Applied, StoreError> {
    // A role that may not create tables can still find that there is nothing to do.
    if !log::exists(tx, engine).await? {
        log::create(tx).await?;
    }
    log::own(tx, migrations).await?;
    let mut applied = Applied { versions: Vec::new(), outside: None };
    for (owner, steps) in owners(&own_steps(), migrations) {
        for step in log::pending(tx, engine, owner, steps).await? {
            if step.is_outside(engine) {
                applied.outside = Some(step);
                return Ok(applied);
            }
            if !step.is_empty(engine) {
                tx.script(step.script(engine)).await.map_err(|error| step.failed(error, String::new()))?;
            }
            log::record(tx, engine, owner, &step).await?;
            if owner == log::SERVICE {
                applied.versions.push(step.version);
            }
        }
    }
    Ok(applied)
}

/// Lists the steps that are not applied, the store's own before the service's. Only reads.
pub(crate) async fn pending(
    tx: &mut Transaction,
    engine: Engine,
    migrations: &Migrations,
) -> Result<Vec<PendingMigration>, StoreError> {
    let known = log::exists(tx, engine).await?;
    if known {
        log::check_owner(tx, migrations).await?;
    }
    let mut all = Vec::new();
    for (owner, steps) in owners(&own_steps(), migrations) {
        let pending = if known { log::pending(tx, engine, owner, steps).await? } else { steps.steps.clone() };
        all.extend(pending.iter().map(|step| PendingMigration { owner, version: step.version, name: step.name }));
    }
    Ok(all)
}
