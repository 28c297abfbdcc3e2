//! Invariants: statements about the data that are checked continuously, with an alarm that names the rows of a breach.

mod check;
mod watch;

pub use check::{Invariant, MAX_SHOWN, Verdict};
pub use watch::Invariants;
