//! Connections apart from the pool: one for work that must not wait behind requests, and one that listens for notifications.

use crate::Store;
#[cfg(feature = "postgres")]
use crate::StoreError;

impl Store {
    /// Returns a store of the same database with one connection of its own, opened at its first use: for heartbeats and the like, which must not
    /// wait while requests use up the pool. SQLite has one connection that writes, and both stores share it.
    #[must_use]
    pub fn reserved(&self) -> Self {
        self.with_pools(self.pools.reserved(&self.options))
    }

    /// Listens on a channel of PostgreSQL, on a connection of its own; none on SQLite.
    ///
    /// Needs a direct connection: a pooler in transaction mode gives the session to others. The channel's name is written into the statement as a
    /// quoted identifier. Cancel-safe: a dropped call closes its connection.
    ///
    /// # Errors
    /// The store's.
    #[cfg(feature = "postgres")]
    pub async fn notifications(&self, channel: &'static str) -> Result<Option<Notifications>, StoreError> {
        let Some(pool) = self.pools.listening(&self.options) else { return Ok(None) };
        let mut listener = sqlx::postgres::PgListener::connect_with(&pool).await?;
        listener.listen(channel).await?;
        Ok(Some(Notifications(listener)))
    }
}

/// Notifications of one channel. After a loss of the connection it is opened again, and those of the meantime are lost.
#[cfg(feature = "postgres")]
#[derive(Debug)]
pub struct Notifications(sqlx::postgres::PgListener);

#[cfg(feature = "postgres")]
impl Notifications {
    /// Returns the payload of the next notification. Not cancel-safe: a dropped call can lose one.
    ///
    /// # Errors
    /// The store's, when the connection is lost and cannot be opened again.
    pub async fn next(&mut self) -> Result<String, StoreError> {
        Ok(self.0.recv().await?.payload().to_owned())
    }
}
