//! The store through its public interface, on both engines.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod conformance;
mod kernel;
#[cfg(feature = "postgres")]
mod server;
