//! An experiment: a steady-state hypothesis, faults, abort conditions, rollback, a report.
//!
//! - [`chaostoolkit`]: experiments of the Chaos Toolkit, with the same verdicts and journals.
//! - [`value`]: what a file says, in the order in which it says it.

pub mod chaostoolkit;
pub mod value;

mod clock;
mod yaml;
