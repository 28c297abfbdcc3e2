//! Carries undos out.
//!
//! Each can be repeated, and does nothing where there is nothing to undo: the fault may not have acted, or may have been
//! undone half. None touches what is not the fault's own: processes are known by more than their id, mounts by their source.

use std::path::Path;

use rustix::process::{Pid, Signal};

use super::cgroup;
use super::command::{output, run};
use super::disk;
use super::identity::Identity;
use super::network;
use super::switch::set_switch;
use super::undo::{MARK, Undo};

impl Undo {
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
