//! The behaviour of `keel-load` through its public interface.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod graceful_close;
mod load;
mod request;
mod tls;
