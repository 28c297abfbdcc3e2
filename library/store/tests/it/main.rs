//! The store through its public interface, on every engine.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod boundaries;
mod conformance;
mod fixture;
#[cfg(feature = "postgres")]
mod half_built;
#[cfg(feature = "sqlite")]
mod migrations;
mod opening;
#[cfg(feature = "postgres")]
mod server;
#[cfg(feature = "postgres")]
mod tls;
