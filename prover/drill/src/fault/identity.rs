//! A process for certain: process ids are given again, and more so after the machine was started anew.

use serde::{Deserialize, Serialize};

use crate::process::Member;

/// A process for certain: its id, when it was started, and in which run of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The process id.
    pub pid: u32,
    /// In clock ticks since the machine's start, as the kernel tells it.
    started: u64,
    /// The id that the kernel gave this run of the machine.
    boot: String,
}

impl Identity {
    /// The process that has this id now; none when there is none alive.
    pub fn of(pid: u32) -> Option<Self> {
        let member = Member::of(pid)?;
        Some(Self { pid, started: member.started, boot: boot() })
    }

    /// This process.
    pub fn own() -> Self {
        let own = Self::of(std::process::id());
        own.unwrap_or_else(|| Self { pid: std::process::id(), started: 0, boot: boot() })
    }

    /// Returns true while this very process is alive.
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }
}

fn boot() -> String {
    #[cfg(not(target_os = "linux"))]
    return String::new();
    #[cfg(target_os = "linux")]
    procfs::sys::kernel::random::boot_id().unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn a_reused_process_id_is_another_process() {
        let own = Identity::own();
        assert!(own.is_alive());
        assert!(!Identity { started: own.started + 1, ..own.clone() }.is_alive());
        assert!(!Identity { boot: "another run of the machine".to_owned(), ..own }.is_alive());
    }

    #[test]
    fn the_dead_have_no_identity() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert_eq!(Identity::of(pid), None);
    }
}
