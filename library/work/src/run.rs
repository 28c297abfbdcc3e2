//! Ratchets: work of several steps that only moves forward. A committed step never runs again.
//!
//! A run is a row with its input, its version and its steps by name. A job drives it: after a crash the run goes on with the first step that is
//! not committed. A *transaction* step has its effect and its entry in one commit. A *call* of another system stores its intent first, and is
//! repeated with the same derived key until its result is stored. A *wait* ends with a signal or with its time. A step that fails for good
//! makes the run undo its steps, last to first. Code between the steps is not run again, because there is none: each step reads the input and
//! the results of earlier ones.
//!
//! Each commit of a run is fenced: a driver that was paused past its lease changes nothing.

mod context;
mod definition;
mod driver;
mod fit;
mod id;
mod ratchets;
mod start;
mod state;
mod stats;
mod steps;
mod store;
mod turn;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use context::RunContext;
pub use definition::{MAX_STEPS, Ratchet};
pub use ratchets::Ratchets;
pub use start::{MAX_INPUT, Started, start, start_as};
pub use state::RunState;
pub use steps::{MAX_RESULT, StepRow};
pub use store::{MAX_LISTED, RunCount, RunRow, RunStore, signal};
pub use turn::{QUEUE, Turn};

/// The input of a ratchet.
pub trait RunInput: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name of the ratchet in the database; never change it while it has runs.
    const KIND: &'static str;
    /// The version of new runs, from 1. Raise it when steps change, and keep the ratchet of the earlier version until it has no runs.
    const VERSION: u16 = 1;
}
