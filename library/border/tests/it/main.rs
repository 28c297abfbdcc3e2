//! The border through its public interface.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod behaviour;
