//! The client through its public interface.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod credentials;
mod guarded;
mod instances;
mod manners;
mod misbehaving_peers;
mod names;
mod own_bounds;
mod server;
mod silence;
mod streaming;
mod tls;
