//! Faults of processes and of the host, each with its undo written down before it acts.
//!
//! - [`Fault`]: what can be broken; a TOML or JSON table with the fault's name under `fault`.
//! - [`Journal`]: the undo of every fault under way, on disk, so that it is undone after keel was killed too.
//! - [`Prepared`]: what a program must be started with so that its disk, its clock and its resolver can be broken later.
//! - [`Available`]: what can be done on this host, and why the rest cannot.
//! - [`resolver`]: a DNS server that fails as it is told.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use keel_drill::fault::{Fault, Journal};
//!
//! let folder = tempfile::tempdir()?;
//! let journal = Journal::open(folder.path())?;
//! let mut victim = std::process::Command::new("sleep").arg("1000").spawn()?;
//! let stopped = Fault::Stop { pid: victim.id() }.inject(&journal)?;
//! assert_eq!(journal.entries()?.len(), 1);
//! stopped.undo()?;
//! assert!(journal.entries()?.is_empty());
//! # victim.kill()?; victim.wait()?;
//! # Ok(()) }
//! ```

mod available;
mod cgroup;
mod command;
mod disk;
mod identity;
mod injected;
mod journal;
mod network;
mod plan;
mod prepared;
pub mod resolver;
mod undo;

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use self::available::Available;
pub use self::identity::Identity;
pub use self::injected::Injected;
pub use self::journal::{Entry, Journal, JournalError, MAX_ENTRIES, Mended, Outcome, Whose};
pub use self::prepared::{Prepared, Switch};
pub use self::undo::Undo;

/// What can be broken. Every one but [`Fault::Kill`] is undone when its [`Injected`] is undone or dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// SIGKILL. There is nothing to undo: whoever supervises the process starts it again.
    Kill {
        /// The process.
        pid: u32,
    },
    /// SIGSTOP: the process stands still, its connections stay open. Undone by SIGCONT.
    Stop {
        /// The process.
        pid: u32,
    },
    /// The process and the children that it starts meanwhile get so much of one processor, by a control group.
    Cpu {
        /// The process.
        pid: u32,
        /// Of one processor: 0.01 to 64.
        share: f64,
    },
    /// The host is busy: so many processes compute without end.
    CpuHog {
        /// How many; at most [`MAX_HOGS`].
        processes: u32,
    },
    /// The process can have so many bytes more and no more: by a control group (beyond it the kernel kills), or where there
    /// is none by `RLIMIT_AS` (beyond it allocations fail).
    Memory {
        /// The process.
        pid: u32,
        /// Bytes on top of what it has.
        headroom: u64,
    },
    /// The process can open so many descriptors more and no more: `RLIMIT_NOFILE`, its soft limit.
    Descriptors {
        /// The process.
        pid: u32,
        /// On top of what it has.
        headroom: u64,
    },
    /// Files that the process writes cannot become longer: `RLIMIT_FSIZE`. For hosts where nothing can be mounted.
    FileSize {
        /// The process.
        pid: u32,
        /// Bytes a file.
        bytes: u64,
    },
    /// A small file system of its own over an empty folder, so that it can be filled.
    Volume {
        /// The folder, which must be empty.
        folder: PathBuf,
        /// Its size; at most [`MAX_VOLUME`].
        bytes: u64,
    },
    /// The file system of the folder is full: a ballast file takes what is free. Only where it is no larger than
    /// [`MAX_VOLUME`]: the host's own disk is never filled.
    FullDisk {
        /// A folder on it.
        folder: PathBuf,
        /// Bytes that are left free.
        #[serde(default)]
        leave: u64,
    },
    /// Nothing below the folder can be opened for writing. What is open already is not touched.
    ReadOnlyDisk {
        /// The folder.
        folder: PathBuf,
    },
    /// System calls on files are slow or fail, in a process that was started with [`Prepared::with_disk`].
    Disk {
        /// The switch of that process.
        switch: PathBuf,
        /// Every read and write takes so many milliseconds longer; at most [`MAX_DELAY_MS`].
        #[serde(default)]
        slow_ms: u32,
        /// Every fsync takes so many milliseconds longer; at most [`MAX_DELAY_MS`].
        #[serde(default)]
        slow_fsync_ms: u32,
        /// Every fsync fails so.
        #[serde(default)]
        fsync: Option<Errno>,
        /// Every write to a file fails so.
        #[serde(default)]
        write: Option<Errno>,
        /// Opening a file for writing fails so.
        #[serde(default)]
        open: Option<Errno>,
    },
    /// The clock of a process that was started with [`Prepared::with_clock`] jumps, or runs at another speed.
    Clock {
        /// The switch of that process.
        switch: PathBuf,
        /// Seconds that it jumps; negative ones go back.
        #[serde(default)]
        jump: i64,
        /// How fast it runs from then on; 1.0 is right.
        #[serde(default = "normal_speed")]
        speed: f64,
    },
    /// Names are not found, by the resolver of a process that was started with [`Prepared::with_resolver`].
    Dns {
        /// The switch of that process.
        switch: PathBuf,
        /// What the resolver does.
        answer: Misanswer,
        /// The address of [`Misanswer::Wrong`].
        #[serde(default)]
        address: Option<IpAddr>,
        /// How late [`Misanswer::Slow`] is, in milliseconds; at most [`MAX_DELAY_MS`].
        #[serde(default)]
        delay_ms: u32,
    },
    /// Nothing passes a network device, in either direction: it is down.
    Partition {
        /// The network namespace that it is in, as `ip netns` names it; never the host's own.
        namespace: String,
        /// The device.
        device: String,
    },
    /// Packets that leave by a network device are lost, late, doubled or altered: `tc netem`.
    Netem {
        /// The network namespace that it is in, as `ip netns` names it; never the host's own.
        namespace: String,
        /// The device.
        device: String,
        /// Milliseconds that they are late; at most [`MAX_DELAY_MS`].
        #[serde(default)]
        delay_ms: u32,
        /// Milliseconds by which that varies.
        #[serde(default)]
        jitter_ms: u32,
        /// The percentage that is lost, 0 to 100.
        #[serde(default)]
        loss: f64,
        /// The percentage that comes twice.
        #[serde(default)]
        duplicate: f64,
        /// The percentage that has a bit flipped.
        #[serde(default)]
        corrupt: f64,
    },
}

/// How a system call on a file fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Errno {
    /// The device is broken.
    Eio,
    /// No space is left.
    Enospc,
    /// The quota is used up.
    Edquot,
    /// It is read-only.
    Erofs,
}

/// What a resolver does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Misanswer {
    /// Nothing: names are answered from the resolver's own table.
    #[default]
    Right,
    /// The name does not exist.
    Nxdomain,
    /// It could not find out.
    Servfail,
    /// No answer.
    Silent,
    /// Another address.
    Wrong,
    /// The right answer, late.
    Slow,
}

/// What a fault is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A process that runs, by its `pid`.
    Process,
    /// A process that was started prepared, by its `switch` ([`Prepared`]).
    Switch,
    /// A folder, a network device, or the host as a whole.
    Host,
}

impl About {
    /// By the fault's name; none when there is no such fault.
    pub fn of(fault: &str) -> Option<Self> {
        match fault {
            "kill" | "stop" | "cpu" | "memory" | "descriptors" | "file-size" => Some(Self::Process),
            "disk" | "clock" | "dns" => Some(Self::Switch),
            "cpu-hog" | "volume" | "full-disk" | "read-only-disk" | "partition" | "netem" => Some(Self::Host),
            _ => None,
        }
    }
}

/// The most processes of [`Fault::CpuHog`].
pub const MAX_HOGS: u32 = 64;
/// The largest file system that is made or filled, in bytes.
pub const MAX_VOLUME: u64 = 1 << 30;
/// The longest that a disk, a resolver or a packet is slowed down at a time, in milliseconds.
pub const MAX_DELAY_MS: u32 = 60_000;

fn normal_speed() -> f64 {
    1.0
}

/// Why a fault was not injected. Nothing is left of it then.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// It makes no sense as it was said.
    #[error("{0}")]
    Mistaken(String),
    /// It cannot be done here.
    #[error("{what} cannot be done here: {why}")]
    Unavailable {
        /// The fault's name.
        what: &'static str,
        /// Why, and what to do.
        why: String,
    },
    /// It was tried, failed, and was undone.
    #[error("{what} failed: {why}")]
    Failed {
        /// The fault's name.
        what: &'static str,
        /// What was tried, and how it failed.
        why: String,
    },
    /// Its undo could not be written down, so it was not tried.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Fault {
    /// Its name, as files and the command line spell it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kill { .. } => "kill",
            Self::Stop { .. } => "stop",
            Self::Cpu { .. } => "cpu",
            Self::CpuHog { .. } => "cpu-hog",
            Self::Memory { .. } => "memory",
            Self::Descriptors { .. } => "descriptors",
            Self::FileSize { .. } => "file-size",
            Self::Volume { .. } => "volume",
            Self::FullDisk { .. } => "full-disk",
            Self::ReadOnlyDisk { .. } => "read-only-disk",
            Self::Disk { .. } => "disk",
            Self::Clock { .. } => "clock",
            Self::Dns { .. } => "dns",
            Self::Partition { .. } => "partition",
            Self::Netem { .. } => "netem",
        }
    }

    /// Writes the undo down, then acts.
    ///
    /// # Errors
    /// When it makes no sense, cannot be done here, or fails; the host is then as it was before.
    pub fn inject(&self, journal: &Journal) -> Result<Injected, FaultError> {
        let plan = plan::plan(self)?;
        injected::carry_out(self, plan, journal)
    }

    fn mistaken(&self, why: impl std::fmt::Display) -> FaultError {
        FaultError::Mistaken(format!("{}: {why}", self.name()))
    }

    fn unavailable(&self, why: impl std::fmt::Display) -> FaultError {
        FaultError::Unavailable { what: self.name(), why: why.to_string() }
    }
}
