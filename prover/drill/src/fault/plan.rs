//! The plan of a fault: its undo, and the action.

use super::undo::Undo;
use crate::process::Process;

/// The action of a fault and its undo. Making it looks at the host and changes nothing.
pub(super) struct Plan {
    pub(super) id: String,
    pub(super) undo: Vec<Undo>,
    /// Brings the processes that are the fault themselves.
    pub(super) act: Act,
}

/// The action of a fault.
pub(super) type Act = Box<dyn FnOnce() -> Result<Vec<Process>, String>>;
