//! Properties of the admission core, on random sequences of operations and on simulated workloads.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod calm;
mod change;
mod classes;
mod fairness;
mod goodput;
mod model;
mod operations;
mod waiting;
