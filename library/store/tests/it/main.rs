//! The store through its public interface, on both engines.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod conformance;
mod engines;
#[cfg(feature = "postgres")]
mod half_built;
mod kernel;
mod migrations;
#[cfg(feature = "postgres")]
mod server;
