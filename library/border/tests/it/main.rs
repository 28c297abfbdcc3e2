//! The border through its public interface.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod abuse;
mod behaviour;
mod callers;
mod cancelled_streams;
mod connections;
mod details;
mod http2;
mod overload;
mod representation;
mod route_rules;
mod server;
mod streams;
#[cfg(feature = "tls")]
mod tls;
mod unread;
mod upgrades;
mod wild_client;
