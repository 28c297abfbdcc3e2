//! An experiment: a steady-state hypothesis, faults, abort conditions, rollback, a report.
//!
//! - [`plan`]: the file of a drill, and what it may touch.
//! - [`stage`]: what a drill acts on; who runs it brings it. [`Grounds`] is what was prepared under it.
//! - [`undo`]: what undoes a drill's commands, should it be killed.
//! - [`run`]: carries a drill out; [`Report`] is what was found.
//! - [`chaostoolkit`]: experiments of the Chaos Toolkit, with the same verdicts and journals.
//! - [`value`]: what a file says, in the order in which it says it.

pub mod chaostoolkit;
pub mod plan;
pub mod stage;
pub mod undo;
pub mod value;

mod clock;
mod course;
mod effects;
mod grounds;
mod hypothesis;
mod money;
mod offered;
mod report;
mod wild;
mod yaml;

pub use course::run;
pub use grounds::Grounds;
pub use hypothesis::{Finding, Outcome};
pub use report::{Event, Mark, Report, Second, Span, Verdict};
