//! The operations on jobs, each over a set of jobs and in a transaction of its own.

use store::{BoxFuture, Isolation, Store, Transaction};

use crate::error::WorkError;

/// The operations on the tables of jobs: claim, heartbeat, completion, failure and administration. Each works on a set of jobs.
///
/// [`Workers`](crate::Workers) uses them; use them yourself for a loop of your own. Every write of a claimed job names its fence, and does
/// nothing when the job has been claimed again since. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JobStore {
    store: Store,
}

impl JobStore {
    /// The jobs of a store, whose tables [`add_schema`](crate::add_schema) adds.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Runs one operation. Rows are locked and skipped by their locks, for which read committed is the right level.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, WorkError>
    where
        F: for<'t> FnMut(&'t mut Transaction) -> BoxFuture<'t, Result<T, WorkError>>,
    {
        self.store.write_at(Isolation::ReadCommitted, work).await
    }
}
