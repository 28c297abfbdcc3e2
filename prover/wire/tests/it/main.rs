//! The behaviour of `keel-wire` through its public interface.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod http;
mod raw;
mod tls;
mod unix;
