//! Brings a schema up to date: in turns with other instances, in transactions as far as possible.

use std::time::Duration;

#[cfg(feature = "postgres")]
use sqlx::AssertSqlSafe;
use sqlx::SqlSafeStr;
use tokio::time::Instant;

#[cfg(feature = "postgres")]
use crate::migration::index::{ConcurrentIndex, State};
use crate::migration::turn::{self, Turn};
use crate::migration::{Migration, MigrationError, Migrations, PendingMigration, apply, log};
use crate::options::Isolation;
use crate::pools::Purpose;
use crate::store::{LOOK, Store};
use crate::{Engine, StoreError, Transaction};

/// Between two lines of the log while an instance waits, in looks.
const LOOKS_PER_LINE: u32 = 25;

/// The wait for another session, with its bound.
struct Waiting {
    since: Instant,
    looks: u32,
    bound: Duration,
}

impl Waiting {
    fn within(bound: Duration) -> Self {
        Self { since: Instant::now(), looks: 0, bound }
    }

    /// Waits a little, or gives up naming the holder.
    async fn wait_for(&mut self, holder: String) -> Result<(), StoreError> {
        let waited = self.since.elapsed();
        if waited >= self.bound {
            return Err(MigrationError::Busy { waited, holder }.into());
        }
        if self.looks.is_multiple_of(LOOKS_PER_LINE) {
            tracing::info!(%holder, waited_s = waited.as_secs(), "waiting to migrate the store");
        }
        tokio::time::sleep(LOOK.wait(self.looks)).await;
        self.looks += 1;
        Ok(())
    }
}

impl Store {
    /// Applies the migrations that are pending; returns their versions.
    ///
    /// All are applied in one transaction, or none is, but for those that run outside of one
    /// ([`Migration::outside_transaction`]): what comes before such a step is committed before it begins. Instances that start at once take
    /// turns: one waits, without a transaction, for at most the migration lock timeout.
    ///
    /// Cancel-safe: a dropped run leaves each transaction applied or rolled back, and the next run goes on from there.
    ///
    /// # Errors
    /// [`StoreError::Migration`] when a step fails, was changed after it had been applied, when the database belongs to another
    /// service, or when another instance holds the lock for too long; then the message names its process and application.
    pub async fn migrate(&self, migrations: &Migrations) -> Result<Vec<i64>, StoreError> {
        let mut versions = Vec::new();
        loop {
            let mut tx = self.turn().await?;
            let applied = apply::apply(&mut tx, self.engine(), migrations).await?;
            self.commit(tx).await?;
            versions.extend(applied.versions);
            let Some(step) = applied.outside else { return Ok(versions) };
            if self.run_outside(&step).await? {
                versions.push(step.version);
            }
        }
    }

    /// Lists the migrations that are not applied yet, the store's own first. Needs only the right to read the table of migrations. Cancel-safe.
    ///
    /// # Errors
    /// As [`Store::migrate`].
    pub async fn pending(&self, migrations: &Migrations) -> Result<Vec<PendingMigration>, StoreError> {
        let mut tx = self.begin_read().await?;
        let pending = apply::pending(&mut tx, self.engine(), migrations).await;
        tx.rollback().await;
        pending
    }

    /// Begins a transaction that holds the lock of migrations.
    async fn turn(&self) -> Result<Transaction, StoreError> {
        let mut waiting = Waiting::within(self.options.migration_lock_timeout);
        loop {
            let holder = match self.begin_with(Isolation::ReadCommitted, Purpose::Migration).await {
                Ok(mut tx) => match turn::take(&mut tx, self.engine()).await? {
                    Turn::Ours => return Ok(tx),
                    Turn::HeldBy(holder) => {
                        tx.rollback().await;
                        holder
                    }
                },
                // SQLite's file is locked by a process that it does not name.
                Err(StoreError::Locked(_)) => "another process has held the lock of the database".to_owned(),
                Err(error) => return Err(error),
            };
            waiting.wait_for(holder).await?;
        }
    }

    /// Runs a step outside a transaction, unless another instance has done so meanwhile; returns whether it was this one.
    ///
    /// On PostgreSQL a transaction that has looked at nothing holds the lock beside it: it has no snapshot that the step would wait for.
    async fn run_outside(&self, step: &Migration) -> Result<bool, StoreError> {
        let lock = match self.engine() {
            Engine::Postgres => Some(self.turn().await?),
            Engine::Sqlite => None,
        };
        let side = self.with_pools(self.pools.side(&self.options));
        let outcome = side.run_step(step).await;
        side.pools.close_side().await;
        if let Some(lock) = lock {
            lock.rollback().await;
        }
        outcome
    }

    async fn run_step(&self, step: &Migration) -> Result<bool, StoreError> {
        let engine = self.engine();
        let mut tx = self.begin_step().await?;
        if log::has(&mut tx, log::SERVICE, step).await? {
            tx.rollback().await;
            return Ok(false);
        }
        let begun = log::has(&mut tx, log::BEGUN, step).await?;
        log::begin(&mut tx, engine, step).await?;
        self.commit(tx).await?;
        let must_run = match engine {
            #[cfg(feature = "postgres")]
            Engine::Postgres => self.mend(step, begun).await?,
            _ => true,
        };
        if must_run {
            if begun {
                tracing::warn!(
                    version = step.version,
                    name = step.name,
                    "an earlier run began this migration and did not end it: running it again"
                );
            }
            if let Err(error) = self.pools.run_outside(step.script(engine).into_sql_str()).await {
                return Err(self.clean_up(step, error.into()).await);
            }
        }
        let mut tx = self.begin_step().await?;
        let ours = log::record_outside(&mut tx, engine, step).await?;
        self.commit(tx).await?;
        Ok(ours)
    }

    async fn begin_step(&self) -> Result<Transaction, StoreError> {
        self.begin_with(Isolation::ReadCommitted, Purpose::Migration).await
    }

    /// Drops a half-built index of an earlier run; returns whether the step must run, which it need not when that run built it whole.
    #[cfg(feature = "postgres")]
    async fn mend(&self, step: &Migration, begun: bool) -> Result<bool, StoreError> {
        let index = ConcurrentIndex::of(step.script(Engine::Postgres))
            .map_err(|reason| MigrationError::Unmendable { version: step.version, name: step.name, reason })?;
        let Some(index) = index else { return Ok(true) };
        let mut waiting = Waiting::within(self.options.migration_lock_timeout);
        loop {
            let mut tx = self.begin_step().await?;
            let (state, builder) = (index.state(&mut tx).await?, index.builder(&mut tx).await?);
            tx.rollback().await;
            match (state, builder) {
                (State::Missing, _) => return Ok(true),
                (State::Whole, _) => return Ok(!begun),
                (State::HalfBuilt, Some(builder)) => waiting.wait_for(builder).await?,
                (State::HalfBuilt, None) => {
                    tracing::warn!(
                        index = index.name,
                        "an earlier run left this index half-built (INVALID): dropping it and building it again"
                    );
                    let dropped = self.pools.run_outside(AssertSqlSafe(index.drop_statement()).into_sql_str()).await;
                    dropped.map_err(|error| step.failed(error.into(), half_built(&index)))?;
                    return Ok(true);
                }
            }
        }
    }

    /// Drops what a failed step has built by halves, and says so. Not after a timeout or a broken connection: the transactions that the
    /// build waited for would hold up the drop as well.
    async fn clean_up(&self, step: &Migration, error: StoreError) -> StoreError {
        #[cfg(feature = "postgres")]
        if self.engine() == Engine::Postgres
            && let Ok(Some(index)) = ConcurrentIndex::of(step.script(Engine::Postgres))
        {
            let dropped = if error.is_transient() { Ok(None) } else { self.drop_half_built(&index).await };
            let consequence = match dropped {
                Ok(Some(false)) => String::new(),
                Ok(Some(true)) => format!("; the half-built index {} was dropped", index.name),
                Ok(None) | Err(_) => half_built(&index),
            };
            return step.failed(error, consequence);
        }
        step.failed(error, String::new())
    }

    #[cfg(feature = "postgres")]
    async fn drop_half_built(&self, index: &ConcurrentIndex) -> Result<Option<bool>, StoreError> {
        let mut tx = self.begin_step().await?;
        let (state, builder) = (index.state(&mut tx).await?, index.builder(&mut tx).await?);
        tx.rollback().await;
        let ours = state == State::HalfBuilt && builder.is_none();
        if ours {
            self.pools.run_outside(AssertSqlSafe(index.drop_statement()).into_sql_str()).await?;
        }
        Ok(Some(ours))
    }
}

#[cfg(feature = "postgres")]
fn half_built(index: &ConcurrentIndex) -> String {
    format!("; the index {} may be left half-built (INVALID): the next run drops it and builds it again", index.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wait_looks_less_and_less_often_and_ends_at_its_bound() {
        let bound = Duration::from_secs(60);
        let mut waiting = Waiting::within(bound);
        let mut looks = 0;
        let error = loop {
            match waiting.wait_for("somebody".to_owned()).await {
                Ok(()) => looks += 1,
                Err(error) => break error,
            }
        };
        let busy = matches!(&error, StoreError::Migration(MigrationError::Busy { waited, holder })
            if (bound..2 * bound).contains(waited) && holder == "somebody");
        assert!(busy, "{error:?}");
        // A tenth of a second on average, and 5 ms if the waits did not grow.
        assert!((300..1500).contains(&looks), "{looks} looks");
    }
}
