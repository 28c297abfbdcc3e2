//! Retention: rules that delete old rows of a table in small batches, on one instance at a time.
//!
//! Each batch is a transaction of its own, at most [`MAX_BATCH`](RetentionRule::batch) rows, followed by a pause as long as it took: a purge
//! takes no more than half of one connection, and no lock for long.

mod rule;
mod sweep;

pub use rule::{Cutoff, RetentionRule};
pub use sweep::{MAX_BATCHES, Retention};
