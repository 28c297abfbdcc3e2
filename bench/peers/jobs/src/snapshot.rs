//! A transaction that holds an old snapshot open.

use std::sync::Arc;

use store::{Store, StoreError, args};

use crate::Failed;

/// A transaction that keeps its snapshot until it is dropped.
pub(crate) struct Snapshot(tokio::task::JoinHandle<Result<(), StoreError>>);

impl Snapshot {
    pub(crate) async fn hold(store: &Store) -> Result<Self, Failed> {
        let (store, held) = (store.clone(), Arc::new(tokio::sync::Notify::new()));
        let is_held = held.clone();
        let task = tokio::spawn(async move {
            // A read is of one snapshot (repeatable read).
            let read = store.read(|tx| {
                let held = held.clone();
                Box::pin(async move {
                    tx.fetch_one("SELECT COUNT(*) FROM evenkeel_job", args![]).await?;
                    held.notify_one();
                    std::future::pending::<Result<(), StoreError>>().await
                })
            });
            read.await
        });
        is_held.notified().await;
        Ok(Self(task))
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.0.abort();
    }
}
