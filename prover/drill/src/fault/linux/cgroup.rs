//! Control groups: so much processor, so much memory, for one process and its children.
//!
//! Both versions, by the kernel's documentation (admin-guide/cgroup-v1, admin-guide/cgroup-v2.rst). A group is made below the
//! home of the process in version 1, and at the root in version 2, where only leaves may have processes.

use std::path::{Path, PathBuf};

use procfs::ProcessCGroups;
use procfs::process::Process;

use crate::fault::identity::Identity;
use crate::fault::undo::Undo;

/// The length of one period of the processor's quota, in microseconds: the kernel's default.
const PERIOD_US: u64 = 100_000;
/// The most rounds in which the processes of a group are moved home: those that they start meanwhile too.
const MAX_ROUNDS: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Controller {
    Cpu,
    Memory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// A group that can be made.
#[derive(Debug)]
pub(crate) struct Group {
    version: Version,
    process: Identity,
    folder: PathBuf,
    home: PathBuf,
}

impl Controller {
    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }
}

impl Group {
    /// Plans a group; the error is the reason why it cannot be made.
    pub(crate) fn plan(controller: Controller, process: &Identity, id: &str) -> Result<Self, String> {
        let (version, mount) = hierarchy(controller)?;
        let groups = Process::new(process.pid.cast_signed()).and_then(|process| process.cgroups());
        let groups = groups.map_err(|error| format!("its control groups: {error}"))?;
        let home = match version {
            Version::One => path_in(&groups, |names| names.iter().any(|name| name == controller.name())),
            Version::Two => path_in(&groups, |names| names.is_empty()),
        };
        let home = mount.join(home.ok_or("it is in no control group")?.trim_start_matches('/'));
        let folder = match version {
            Version::One => home.join(format!("keel-{id}")),
            Version::Two => mount.join(format!("keel-{id}")),
        };
        if !home.is_dir() || folder.parent().is_none_or(|parent| access(parent).is_err()) {
            return Err(format!("{} cannot be written: run keel as root", mount.display()));
        }
        Ok(Self { version, process: process.clone(), folder, home })
    }

    pub(super) fn undo(&self) -> Undo {
        Undo::Cgroup { folder: self.folder.clone(), home: self.home.clone() }
    }

    /// Makes it, sets it, and moves the process in.
    pub(super) fn enter(&self, set: impl FnOnce(&Self) -> Result<(), String>) -> Result<(), String> {
        std::fs::create_dir(&self.folder).map_err(|error| format!("{}: {error}", self.folder.display()))?;
        set(self)?;
        if !self.process.is_alive() {
            return Err(format!("process {} has ended meanwhile", self.process.pid));
        }
        self.write("cgroup.procs", &self.process.pid.to_string())
    }

    pub(super) fn set_cpu(&self, share: f64) -> Result<(), String> {
        let quota = (share * PERIOD_US as f64).round() as u64;
        match self.version {
            Version::One => {
                self.write("cpu.cfs_period_us", &PERIOD_US.to_string())?;
                self.write("cpu.cfs_quota_us", &quota.to_string())
            }
            Version::Two => self.write("cpu.max", &format!("{quota} {PERIOD_US}")),
        }
    }

    /// Limits the memory on top of what the process has already, which stays with its home.
    pub(super) fn set_memory(&self, headroom: u64) -> Result<(), String> {
        match self.version {
            Version::One => self.write("memory.limit_in_bytes", &headroom.to_string()),
            Version::Two => self.write("memory.max", &headroom.to_string()),
        }
    }

    fn write(&self, file: &str, text: &str) -> Result<(), String> {
        let path = self.folder.join(file);
        std::fs::write(&path, text).map_err(|error| format!("writing {text} to {}: {error}", path.display()))
    }
}

/// Moves everybody in the group home, and removes it.
pub(super) fn dissolve(folder: &Path, home: &Path) -> Result<(), String> {
    for _ in 0..MAX_ROUNDS {
        let Ok(inside) = std::fs::read_to_string(folder.join("cgroup.procs")) else { break };
        let pids: Vec<&str> = inside.lines().collect();
        if pids.is_empty() {
            break;
        }
        for pid in pids {
            // One that has ended meanwhile cannot be moved, and need not.
            let _ = std::fs::write(home.join("cgroup.procs"), pid);
        }
    }
    match std::fs::remove_dir(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("removing the control group {}: {error}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Finds the version that has the controller, and its mount.
fn hierarchy(controller: Controller) -> Result<(Version, PathBuf), String> {
    let mounts = procfs::mounts().map_err(|error| format!("the mounts of this host: {error}"))?;
    for entry in mounts {
        let (kind, mount) = (entry.fs_vfstype.as_str(), PathBuf::from(entry.fs_file));
        if kind == "cgroup" && entry.fs_mntops.contains_key(controller.name()) {
            return Ok((Version::One, mount));
        }
        let enabled = || std::fs::read_to_string(mount.join("cgroup.subtree_control")).unwrap_or_default();
        if kind == "cgroup2" && enabled().split_whitespace().any(|name| name == controller.name()) {
            return Ok((Version::Two, mount));
        }
    }
    Err(format!("no control groups with the controller {} are mounted", controller.name()))
}

/// The path of the group whose controllers are meant.
fn path_in(groups: &ProcessCGroups, is_meant: impl Fn(&[String]) -> bool) -> Option<&str> {
    groups.into_iter().find(|group| is_meant(&group.controllers)).map(|group| group.pathname.as_str())
}

fn access(folder: &Path) -> rustix::io::Result<()> {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK)
}

#[cfg(test)]
mod tests {
    use procfs::FromRead as _;

    use super::*;

    #[test]
    fn the_group_of_a_process_is_found_in_either_version() {
        let groups = "4:memory:/a/b\n3:cpu,cpuacct:/\n0::/user.slice/x\n";
        let groups = ProcessCGroups::from_read(groups.as_bytes()).expect("three groups");
        let with = |controller: &str| path_in(&groups, |names| names.iter().any(|name| name == controller));
        assert_eq!(with("cpu"), Some("/"));
        assert_eq!(with("memory"), Some("/a/b"));
        assert_eq!(path_in(&groups, |names| names.is_empty()), Some("/user.slice/x"));
        assert_eq!(with("pids"), None);
    }
}
