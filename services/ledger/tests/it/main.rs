//! The ledger through its public interface, as a process of its own.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod bad_input;
mod bank;
mod calls;
mod collector;
mod daily;
mod import;
mod invariant;
mod keys;
mod kill;
mod lists;
mod logs;
mod metrics;
mod money;
mod ops;
mod otlp;
mod page;
mod paging;
mod payers;
mod payout;
mod posting;
mod prometheus;
mod receipt;
mod running;
mod start;
mod storm;
mod telemetry_outage;
