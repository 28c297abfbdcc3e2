//! Carries undos out.
//!
//! Each can be repeated, and does nothing where there is nothing to undo: the fault may not have acted, or may have been
//! undone half. None touches what is not the fault's own: processes are known by more than their id, mounts by their source.

use std::ffi::OsStr;
use std::path::Path;

use rustix::process::{Pid, Signal};

use super::cgroup;
use super::disk;
use super::limits;
use super::network;
use crate::fault::command::{output, run};
use crate::fault::identity::Identity;
use crate::fault::switch::set_switch;
use crate::fault::undo::{MARK, Undo};

impl Undo {
    /// Undoes.
    ///
    /// # Errors
    /// The action that failed, and its error. It can be tried again.
    pub fn apply(&self) -> Result<(), String> {
        match self {
            Self::Continue { process } => with(process, |pid| {
                rustix::process::kill_process(pid, Signal::CONT).map_err(|error| format!("SIGCONT: {error}"))
            }),
            Self::Limit { process, limit, soft } => with(process, |_| {
                let set = limits::set(*limit, process.pid, *soft);
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
                let said = output(&["tc", "-n", namespace, "qdisc", "show", "dev", device]);
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

fn kill_marked(mark: &str) {
    let Ok(processes) = procfs::process::all_processes() else { return };
    for process in processes.flatten() {
        let environment = process.environ().unwrap_or_default();
        let marked = environment.get(OsStr::new(MARK)).is_some_and(|value| value == mark);
        if let Some(pid) = Pid::from_raw(process.pid()).filter(|_| marked) {
            // Fails only when it is dead already.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}
