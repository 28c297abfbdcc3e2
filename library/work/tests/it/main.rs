//! Jobs through the public interface, on every engine.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod boundaries;
mod conformance;
#[cfg(feature = "postgres")]
mod faults;
#[cfg(feature = "postgres")]
mod leader;
#[cfg(feature = "postgres")]
mod outage;
mod runs;
mod subscriptions;
#[cfg(feature = "postgres")]
mod unreliable_port;
#[cfg(feature = "postgres")]
mod workload;
