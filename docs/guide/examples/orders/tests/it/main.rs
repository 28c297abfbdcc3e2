//! The tests that the guide "Testing your service" shows.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod dependency;
mod fault_proxy;
mod guide;
mod handlers;
mod kill;
mod service;
mod store;
mod time;
