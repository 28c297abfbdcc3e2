//! The behaviour of `keel-proxy` through its public interface.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod api;
mod guide;
mod live_connections;
mod single_fault;
