//! Receipts expire: those older than RECEIPT_RETENTION are deleted in small batches.

use std::time::Duration;

use evenkeel::prelude::*;
use evenkeel::work::retention::{Cutoff, Retention, RetentionRule};

use crate::settings::Settings;

const DELETE: &str =
    "DELETE FROM receipts WHERE id IN (SELECT id FROM receipts WHERE created_at < $1 ORDER BY created_at LIMIT $2)";

/// Receipts that are deleted in one transaction.
const BATCH: usize = 50;
/// Time after which another instance deletes for one that was killed.
const LEASE: Duration = Duration::from_secs(3);
/// The longest time between two rounds; a receipt is there for this much longer than it is kept, at most.
const ROUND: Duration = Duration::from_secs(10);

/// The rule: receipts are kept for this time.
pub fn rules(store: &Store, keep: Duration) -> Retention {
    let rule = RetentionRule::new("receipts", keep, DELETE).cutoff(Cutoff::Microseconds).batch(BATCH);
    Retention::new(store).rule(rule).every(ROUND.min(keep / 4)).lease(LEASE)
}

/// Deletes expired receipts until the stop, on one instance of all.
pub async fn run(context: Context<Settings, Store>, stop: Stop) {
    rules(context.store(), context.settings().receipt_retention).run(context.registry(), stop).await;
}
