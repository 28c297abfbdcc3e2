//! The faults that can be injected, as files and the command line write them.

use std::net::IpAddr;
use std::path::PathBuf;

use keel_input::duration;
use serde::{Deserialize, Serialize};

/// A fault. Every one but [`Fault::Kill`] is undone when its [`Injected`](super::Injected) is undone or dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// SIGKILL. There is nothing to undo: the supervisor of the process starts it again.
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
        /// The number; at most [`MAX_HOGS`].
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
    /// System calls on files are slow or fail, in a process that was started with [`Prepared::with_disk`](super::Prepared::with_disk).
    Disk {
        /// The switch of that process.
        switch: PathBuf,
        /// Every read and write takes so many milliseconds longer; at most [`MAX_DELAY_MS`].
        #[serde(default, alias = "slow", deserialize_with = "duration::milliseconds")]
        slow_ms: u32,
        /// Every fsync takes so many milliseconds longer; at most [`MAX_DELAY_MS`].
        #[serde(default, alias = "slow_fsync", deserialize_with = "duration::milliseconds")]
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
    /// The clock of a process that was started with [`Prepared::with_clock`](super::Prepared::with_clock) jumps, or runs at another speed.
    Clock {
        /// The switch of that process.
        switch: PathBuf,
        /// Seconds that it jumps; negative ones go back.
        #[serde(default)]
        jump: i64,
        /// Its speed from then on; 1.0 is right.
        #[serde(default = "normal_speed")]
        speed: f64,
    },
    /// Names are not found, by the resolver of a process that was started with [`Prepared::with_resolver`](super::Prepared::with_resolver).
    Dns {
        /// The switch of that process.
        switch: PathBuf,
        /// The mistake of the resolver.
        answer: Misanswer,
        /// The address of [`Misanswer::Wrong`].
        #[serde(default)]
        address: Option<IpAddr>,
        /// The delay of [`Misanswer::Slow`], in milliseconds; at most [`MAX_DELAY_MS`].
        #[serde(default, alias = "delay", deserialize_with = "duration::milliseconds")]
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
        #[serde(default, alias = "delay", deserialize_with = "duration::milliseconds")]
        delay_ms: u32,
        /// Milliseconds by which that varies.
        #[serde(default, alias = "jitter", deserialize_with = "duration::milliseconds")]
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

/// The error of a system call on a file.
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

/// The mistake of a resolver.
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

/// The object of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A process that runs, by its `pid`.
    Process,
    /// A process that was started prepared, by its `switch` ([`Prepared`](super::Prepared)).
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
}
