//! An experiment: a steady-state hypothesis, faults, abort conditions, rollback, a report.
//!
//! - [`plan`]: the file of a drill, and what it may touch.
//! - [`stage`]: what a drill acts on; who runs it brings it. [`Grounds`] is what was prepared under it.
//! - [`undo`]: what undoes a drill's commands, should it be killed.
//! - [`run`]: carries a drill out; [`Report`] is what was found.

pub mod plan;
pub mod stage;
pub mod undo;

mod course;
mod effects;
mod grounds;
mod hypothesis;
mod money;
mod offered;
mod report;
mod wild;

pub use course::run;
pub use grounds::Grounds;
pub use hypothesis::{Finding, Outcome};
pub use report::{Event, Mark, Report, Second, Span, Verdict};
