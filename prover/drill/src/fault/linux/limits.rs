//! Resource limits of a process, read and lowered.

use procfs::process::{LimitValue, Process};
use rustix::process::{Pid, Resource, Rlimit};

use crate::fault::limit::Limit;

fn resource(limit: Limit) -> Resource {
    match limit {
        Limit::Descriptors => Resource::Nofile,
        Limit::AddressSpace => Resource::As,
        Limit::FileSize => Resource::Fsize,
    }
}

/// Sets the soft limit of a process and leaves the hard one, which could not be raised again. The soft one of before.
pub(super) fn set(limit: Limit, pid: u32, soft: Option<u64>) -> rustix::io::Result<Option<u64>> {
    let pid = Pid::from_raw(pid.cast_signed()).ok_or(rustix::io::Errno::SRCH)?;
    let before = of(limit, pid)?;
    let soft = match (soft, before.maximum) {
        (Some(soft), Some(hard)) => Some(soft.min(hard)),
        (None, hard) => hard,
        (soft, None) => soft,
    };
    rustix::process::prlimit(Some(pid), resource(limit), Rlimit { current: soft, maximum: before.maximum })?;
    Ok(before.current)
}

/// The limits of a process. There is no call that only looks; `/proc` tells.
pub(super) fn of(limit: Limit, pid: Pid) -> rustix::io::Result<Rlimit> {
    let process = Process::new(pid.as_raw_nonzero().get()).map_err(|_| rustix::io::Errno::SRCH)?;
    let limits = process.limits().map_err(|_| rustix::io::Errno::SRCH)?;
    let limits = match limit {
        Limit::Descriptors => limits.max_open_files,
        Limit::AddressSpace => limits.max_address_space,
        Limit::FileSize => limits.max_file_size,
    };
    Ok(Rlimit { current: finite(limits.soft_limit), maximum: finite(limits.hard_limit) })
}

fn finite(value: LimitValue) -> Option<u64> {
    match value {
        LimitValue::Value(value) => Some(value),
        LimitValue::Unlimited => None,
    }
}
