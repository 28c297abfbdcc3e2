//! The actions that undo a fault, as the journal keeps them. [`Undo::apply`] carries one out.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::identity::Identity;
use super::limit::Limit;

/// One action that undoes a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "kebab-case")]
pub enum Undo {
    /// SIGCONT.
    Continue {
        /// The process to continue.
        process: Identity,
    },
    /// Gives a process its soft limit back.
    Limit {
        /// The process.
        process: Identity,
        /// The limit.
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
        /// The mount point.
        folder: PathBuf,
        /// The number of mounts on it before: those stay.
        below: usize,
    },
    /// Removes a file.
    Remove {
        /// The file.
        file: PathBuf,
    },
    /// Writes a switch as it was.
    Switch {
        /// The file.
        file: PathBuf,
        /// Its contents before.
        contents: String,
    },
    /// Brings a network device up, with what the kernel forgets when it goes down.
    LinkUp {
        /// In which namespace.
        namespace: String,
        /// The device.
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

impl Undo {
    /// Returns true if both restore the same state as each found it: only one order is right then, so only one may act at a time.
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
}

/// The environment variable that marks processes which are themselves a fault.
pub(super) const MARK: &str = "KEEL_FAULT";
