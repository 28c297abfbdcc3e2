//! The resources that a process group uses.

use std::time::Duration;

/// The resources that the process group uses now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory of the group's processes, in bytes.
    pub resident: u64,
    /// Open file descriptors.
    pub descriptors: u64,
    /// Processes in the group.
    pub processes: u64,
    /// Threads of them.
    pub threads: u64,
    /// CPU time used so far, user and system.
    pub cpu: Duration,
}

/// Resident memory of one process, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resident {
    /// Now.
    pub(crate) now: u64,
    /// The most since its start, as the kernel counted it.
    pub(crate) high_water: u64,
}
