//! Receipts expire: those older than RECEIPT_RETENTION are deleted in small batches.

use std::time::Duration;

use evenkeel::prelude::*;
use evenkeel::work::retention::{Cutoff, Retention, RetentionRule};

use crate::settings::Settings;

const DELETE: &str =
    "DELETE FROM receipts WHERE id IN (SELECT id FROM receipts WHERE created_at < $1 ORDER BY created_at LIMIT $2)";

/// The rule: receipts are kept for this time.
pub fn rules(store: &Store, keep: Duration) -> Retention {
    Retention::new(store).rule(RetentionRule::new("receipts", keep, DELETE).cutoff(Cutoff::Microseconds))
}

/// Deletes expired receipts until the stop, on one instance of all.
pub async fn run(context: Context<Settings, Store>, stop: Stop) {
    rules(context.store(), context.settings().receipt_retention).run(context.registry(), stop).await;
}
