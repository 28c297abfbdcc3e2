//! The client through its public interface.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod guarded;
mod instances;
mod manners;
mod misbehaving_peers;
mod tls;
