//! Faults on systems other than Linux: none is available, and each refusal says so.

use super::error::FaultError;
use super::kind::Fault;
use super::plan::Plan;
use super::undo::Undo;

/// The reason why a fault is not injected here.
pub(super) const UNAVAILABLE: &str = "faults of processes and of the host need Linux";

/// Refuses the fault.
pub(super) fn plan(fault: &Fault) -> Result<Plan, FaultError> {
    Err(fault.unavailable(UNAVAILABLE))
}

impl Undo {
    /// Undoes nothing.
    ///
    /// # Errors
    /// Always.
    pub fn apply(&self) -> Result<(), String> {
        Err(UNAVAILABLE.to_owned())
    }
}
