//! The tests of keel as a user runs it, in one binary: one to link.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod attack;
#[cfg(feature = "chaos-toolkit")]
mod chaos_toolkit;
mod check;
mod command_line;
mod documents;
mod drill;
mod fault_program;
mod help;
mod history;
mod init;
mod interrupt;
mod load;
mod proxy_command;
mod query;
mod reproduce;
mod toxiproxy_clients;
mod undo;
mod victim;
