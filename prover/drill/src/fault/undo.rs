//! The acts by which faults are undone.
//!
//! Each can be repeated, and does nothing where there is nothing to undo: the fault may not have acted, or may have been
//! undone half. None touches what is not the fault's own: processes are known by more than their id, mounts by their source.

use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Resource, Rlimit, Signal};
use serde::{Deserialize, Serialize};

use super::command::run;
use super::identity::Identity;
use super::{cgroup, disk, network};

/// One act that undoes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "kebab-case")]
pub enum Undo {
    /// SIGCONT.
    Continue {
        /// Whom.
        process: Identity,
    },
    /// Gives a process its soft limit back.
    Limit {
        /// Whose.
        process: Identity,
        /// Which.
        limit: Limit,
        /// Its soft value; none is infinite.
        soft: Option<u64>,
    },
    /// Moves everybody in a control group back, and removes it.
    Cgroup {
        /// The control group's folder.
        folder: PathBuf,
        /// The folder of the one that its processes came from.
        home: PathBuf,
    },
    /// Kills the processes that carry this mark in their environment.
    Marked {
        /// The value of `KEEL_FAULT`.
        mark: String,
    },
    /// Takes away what was mounted on a folder on top of what was there before.
    Unmount {
        /// Where.
        folder: PathBuf,
        /// How many mounts were on it before: those stay.
        below: usize,
    },
    /// Removes a file.
    Remove {
        /// Which.
        file: PathBuf,
    },
    /// Writes a switch as it was.
    Switch {
        /// The file.
        file: PathBuf,
        /// What it said.
        contents: String,
    },
    /// Brings a network device up, with what the kernel forgets when it goes down.
    LinkUp {
        /// In which namespace.
        namespace: String,
        /// Which.
        device: String,
        /// Its addresses of IPv6 that are no link's.
        addresses: Vec<String>,
        /// Its routes, as `ip route` shows them.
        routes: Vec<String>,
    },
    /// Takes the queueing discipline of a network device away.
    Qdisc {
        /// In which namespace.
        namespace: String,
        /// Of which.
        device: String,
    },
}

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

impl Undo {
    /// Whether both would put the same thing back as each found it: then only one order is right, so there is only one at a time.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Limit { process, limit, .. }, Self::Limit { process: same, limit: too, .. }) => {
                process == same && limit == too
            }
            (Self::Switch { file, .. }, Self::Switch { file: same, .. }) => file == same,
            // In version 1 of control groups the second would be made inside the first.
            (Self::Cgroup { home, .. }, Self::Cgroup { folder, .. }) => home == folder,
            (
                Self::LinkUp { namespace, device, .. } | Self::Qdisc { namespace, device },
                Self::LinkUp { namespace: same, device: too, .. } | Self::Qdisc { namespace: same, device: too },
            ) => namespace == same && device == too && std::mem::discriminant(self) == std::mem::discriminant(other),
            _ => false,
        }
    }

    /// Undoes.
    ///
    /// # Errors
    /// What was tried, and how it failed. It can be tried again.
    pub fn apply(&self) -> Result<(), String> {
        match self {
            Self::Continue { process } => with(process, |pid| {
                rustix::process::kill_process(pid, Signal::CONT).map_err(|error| format!("SIGCONT: {error}"))
            }),
            Self::Limit { process, limit, soft } => with(process, |_| {
                let set = limit.set(process.pid, *soft);
                set.map(drop).map_err(|error| format!("the {limit:?} limit of process {}: {error}", process.pid))
            }),
            Self::Cgroup { folder, home } => cgroup::dissolve(folder, home),
            Self::Marked { mark } => {
                kill_marked(mark);
                Ok(())
            }
            Self::Unmount { folder, below } => disk::unmount_down_to(folder, *below),
            Self::Remove { file } => remove(file),
            Self::Switch { file, contents } => set_switch(file, contents),
            Self::LinkUp { namespace, device, addresses, routes } => {
                network::link_up(namespace, device, addresses, routes)
            }
            Self::Qdisc { namespace, device } => {
                let said = super::command::output(&["tc", "-n", namespace, "qdisc", "show", "dev", device]);
                match said.is_ok_and(|said| said.contains("netem")) {
                    true => run(&["tc", "-n", namespace, "qdisc", "del", "dev", device, "root"]),
                    false => Ok(()),
                }
            }
        }
    }
}

/// The process that is meant, or nothing to do when it is dead.
fn with(process: &Identity, act: impl FnOnce(Pid) -> Result<(), String>) -> Result<(), String> {
    match Pid::from_raw(process.pid.cast_signed()) {
        Some(pid) if process.is_alive() => act(pid),
        _ => Ok(()),
    }
}

fn remove(file: &Path) -> Result<(), String> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("removing {}: {error}", file.display()))
        }
        _ => Ok(()),
    }
}

/// Writes a switch in one step, under a lock that its readers need not know. A switch whose folder is gone has no reader.
pub(super) fn set_switch(file: &Path, contents: &str) -> Result<(), String> {
    let Some(folder) = file.parent().filter(|folder| folder.is_dir()) else { return Ok(()) };
    let told = |error: std::io::Error| format!("writing {}: {error}", file.display());
    let lock = std::fs::File::open(folder).map_err(told)?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| told(error.into()))?;
    let new = file.with_extension("new");
    std::fs::write(&new, contents).and_then(|()| std::fs::rename(&new, file)).map_err(told)
}

/// The environment variable that marks processes which are themselves a fault.
pub(super) const MARK: &str = "KEEL_FAULT";

fn kill_marked(mark: &str) {
    let wanted = format!("{MARK}={mark}");
    let Ok(folder) = std::fs::read_dir("/proc") else { return };
    let pids = folder.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for pid in pids {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let marked = environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes());
        if let Some(pid) = Pid::from_raw(pid).filter(|_| marked) {
            // Fails only when it is dead already.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}
