//! Checkers: each decides whether a history can be right.
//!
//! An operation with an unknown outcome never counts against the service by itself: it may have happened or not, once.

mod bank;
mod effects;
mod register;
mod verdict;

pub use bank::bank;
pub use effects::effects;
pub use register::register;
pub use verdict::{CounterExample, MAX_STEPS, Verdict};
