//! The processes of a target on systems other than Linux: of its processes only the leader is known.
//!
//! Its process group is still signalled and killed as a whole. Not available are processes that left the group, listeners on a
//! port, and usage of memory, descriptors and CPU time, which are zero.

use rustix::process::{Pid, test_kill_process};

use super::usage::{Resident, Usage};

/// The environment variable that marks all processes of one target.
pub(super) const MARK: &str = "DRILL_TARGET";

/// A process by its id alone, which may be given to another one later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub(crate) pid: u32,
    pub(crate) started: u64,
}

impl Member {
    /// The process that has this id now; none when it is dead.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let id = Pid::from_raw(pid.cast_signed())?;
        test_kill_process(id).is_ok().then_some(Self { pid, started: 0 })
    }

    /// Not available: none.
    pub(crate) fn listening(_port: u16) -> Vec<Self> {
        Vec::new()
    }

    /// Not available: none.
    pub(crate) fn name(&self) -> Option<String> {
        None
    }

    /// Not available: none.
    pub(crate) fn resident(&self) -> Option<Resident> {
        None
    }

    /// Returns false: not available. A zombie cannot be distinguished from a living process here, so its end is never waited for.
    pub(crate) fn is_alive(&self) -> bool {
        false
    }
}

/// The leader, which is known to belong to the target.
pub(super) fn members(leader: u32, _mark: &str) -> Vec<Member> {
    Member::of(leader).into_iter().collect()
}

/// Not available: none.
pub(super) fn listeners(_leader: u32, _port: u16) -> Vec<Member> {
    Vec::new()
}

/// Not available: zero.
pub(super) fn usage(_leader: u32, _mark: &str) -> Usage {
    Usage::default()
}
