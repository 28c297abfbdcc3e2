//! A lease that this process has taken.

use std::sync::Arc;
use std::time::Duration;

use ::store::{Transaction, args};
use tokio::sync::watch;
use tokio::time::Instant;

use super::stats::Stats;
use crate::error::{Refusal, WorkError};
use crate::statement::{Statement, statement};

const GUARD: Statement = statement!("lease_guard");

/// A lease that this process has taken, with its fence. Cheap to clone.
///
/// Having it does not mean that it still holds: begin each transaction of the work with [`Lease::guard`].
#[derive(Clone, Debug)]
pub struct Lease {
    name: Arc<str>,
    fence: i64,
    /// The moment from which another process may have the lease.
    trusted_until: Arc<watch::Sender<Instant>>,
    stats: Arc<Stats>,
}

impl Lease {
    pub(super) fn new(name: Arc<str>, fence: i64, trusted_until: Instant, stats: Arc<Stats>) -> Self {
        stats.trust(Some(trusted_until));
        Self { name, fence, trusted_until: Arc::new(watch::Sender::new(trusted_until)), stats }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fence: higher than that of every earlier holder. Pass it to a foreign resource that refuses lower ones.
    pub fn fence(&self) -> i64 {
        self.fence
    }

    /// Checks in the transaction that this lease still holds, and holds off another holder until the end of the transaction.
    ///
    /// Call it first. It locks the row of the lease against a take-over and not against renewals, so that a long transaction does not cost
    /// the lease. Not cancel-safe, as statements of a transaction are not: when the future is dropped, return an error from the transaction.
    ///
    /// # Errors
    /// [`Refusal::Stale`] when the lease is over or has been taken by another process, else the store's. Return it from the transaction.
    pub async fn guard(&self, tx: &mut Transaction) -> Result<(), WorkError> {
        let statement = GUARD.on(tx.engine());
        let row = tx.fetch_optional(statement, args![&*self.name]).await?;
        let (fence, left_us): (i64, i64) = match row {
            Some(row) => (row.get("fence")?, row.get("left_us")?),
            None => (0, 0),
        };
        if fence == self.fence && left_us > 0 {
            return Ok(());
        }
        Stats::count(&self.stats.refused);
        Err(Refusal::Stale { name: self.name.to_string(), fence: self.fence, found: fence }.into())
    }

    /// Returns true while this process may believe that it holds the lease, by its own clock. A hint for the choice of work: only
    /// [`Lease::guard`] decides.
    pub fn is_trusted(&self) -> bool {
        Instant::now() < *self.trusted_until.borrow()
    }

    /// Returns the time until the trust ends, unless the lease is renewed.
    pub fn trusted_for(&self) -> Duration {
        self.trusted_until.borrow().saturating_duration_since(Instant::now())
    }

    pub(super) fn extend(&self, trusted_until: Instant) {
        self.trusted_until.send_replace(trusted_until);
        self.stats.trust(Some(trusted_until));
    }

    pub(super) fn trusted_until(&self) -> Instant {
        *self.trusted_until.borrow()
    }
}
