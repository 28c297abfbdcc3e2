//! The guards through their public interface.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod adaptive;
mod admission;
mod breaker;
mod bulkhead;
mod cluster;
mod coalesce;
mod cpu;
mod discovery;
mod fallback;
mod groups;
mod metastable;
mod peers;
mod policy;
mod policy_dropped;
mod policy_order;
mod policy_seen;
mod rate_limit;
mod stale;
mod throttle;
mod ticker;
