//! Drills: a steady-state hypothesis, faults, abort conditions, rollback, a report.
//!
//! - [`plan`]: the file of a drill, and what it may touch.
//! - [`DrillTarget`]: the service that a drill acts on; the caller brings it. [`Setup`] is what was prepared under it.
//! - [`undo`]: the undo of a drill's commands, for a drill that is killed.
//! - [`run`]: carries a drill out; [`Report`] is its result.

pub mod plan;
pub mod undo;

mod bank;
mod command;
mod effects;
mod extra_client;
mod finding;
mod hypothesis;
mod load;
mod observed;
mod report;
mod runner;
mod setup;
mod target;

pub use finding::{Finding, Judgement};
pub use report::{DrillVerdict, Event, EventKind, Report, Second, Span};
pub use runner::run;
pub use setup::Setup;
pub use target::DrillTarget;
