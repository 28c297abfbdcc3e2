//! The connections of a store as pools of the server's gate, which admits no more requests than get a connection in time.

use resilience::admission::{Pool, PoolUser};

/// The users of the connections that write, and of those that read; on PostgreSQL they are the same.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    write: Pool,
    read: Pool,
}

impl Places {
    /// One pool for all transactions.
    pub(crate) fn shared(connections: u32) -> Self {
        let pool = Pool::new(connections);
        Self { write: pool.clone(), read: pool }
    }

    /// A pool for the transactions that write, and one for those that read.
    #[cfg(feature = "sqlite")]
    pub(crate) fn apart(writers: u32, readers: u32) -> Self {
        Self { write: Pool::new(writers), read: Pool::new(readers) }
    }

    pub(crate) fn to_write(&self) -> PoolUser {
        self.write.enter()
    }

    pub(crate) fn to_read(&self) -> PoolUser {
        self.read.enter()
    }
}
