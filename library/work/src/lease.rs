//! Leases: work that one instance does at a time, with a fence that makes an earlier holder harmless.
//!
//! A lease is a row with a holder, an end by the clock of the database, and a fence that only rises. The lease by itself protects nothing,
//! because a holder may be paused past its end: each write of the holder begins with [`Lease::guard`], which refuses an earlier fence in the
//! transaction of the write. Source: M. Kleppmann, "How to do distributed locking", 2016.

mod held;
mod leader;
mod stats;
mod store;

pub use held::Lease;
pub use leader::{Leader, SHORTEST_TTL};
pub use store::{LeaseRow, LeaseStore, MAX_LISTED, MAX_NAME};
