//! Resource limits of a process, read and lowered.

use rustix::process::{Pid, Resource, Rlimit};
use serde::{Deserialize, Serialize};

/// A limit of a process that faults lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// `RLIMIT_NOFILE`.
    Descriptors,
    /// `RLIMIT_AS`.
    AddressSpace,
    /// `RLIMIT_FSIZE`.
    FileSize,
}

impl Limit {
    fn resource(self) -> Resource {
        match self {
            Self::Descriptors => Resource::Nofile,
            Self::AddressSpace => Resource::As,
            Self::FileSize => Resource::Fsize,
        }
    }

    /// Sets the soft limit of a process and leaves the hard one, which could not be raised again. The soft one of before.
    pub(super) fn set(self, pid: u32, soft: Option<u64>) -> rustix::io::Result<Option<u64>> {
        let pid = Pid::from_raw(pid.cast_signed()).ok_or(rustix::io::Errno::SRCH)?;
        let before = self.of(pid)?;
        let soft = match (soft, before.maximum) {
            (Some(soft), Some(hard)) => Some(soft.min(hard)),
            (None, hard) => hard,
            (soft, None) => soft,
        };
        rustix::process::prlimit(Some(pid), self.resource(), Rlimit { current: soft, maximum: before.maximum })?;
        Ok(before.current)
    }

    /// The limits of a process. There is no call that only looks; `/proc` tells.
    pub(super) fn of(self, pid: Pid) -> rustix::io::Result<Rlimit> {
        let name = match self {
            Self::Descriptors => "Max open files",
            Self::AddressSpace => "Max address space",
            Self::FileSize => "Max file size",
        };
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", pid.as_raw_nonzero()));
        let limits = limits.map_err(|_| rustix::io::Errno::SRCH)?;
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).ok_or(rustix::io::Errno::NOTSUP)?;
        let mut values = line.split_whitespace().map(|value| value.parse::<u64>().ok());
        Ok(Rlimit { current: values.next().flatten(), maximum: values.next().flatten() })
    }
}
