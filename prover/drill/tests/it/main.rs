//! Tests of the crate through its public interface.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod attack_bounds;
mod attack_consent;
mod control_floods;
mod experiment;
mod experiment_callee;
mod process;
mod wrong_ledgers;
