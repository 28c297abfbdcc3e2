//! Jobs through the public interface, on every engine.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod boundaries;
mod conformance;
#[cfg(feature = "postgres")]
mod faults;
mod invariants_page;
#[cfg(feature = "postgres")]
mod leader;
mod lease_model;
#[cfg(feature = "sqlite")]
mod lease_replay;
#[cfg(feature = "postgres")]
mod notifications;
#[cfg(feature = "postgres")]
mod outage;
#[cfg(feature = "postgres")]
mod outage_streams;
mod runs;
mod subscriptions;
#[cfg(feature = "postgres")]
mod unreliable_port;
#[cfg(feature = "postgres")]
mod workload;
