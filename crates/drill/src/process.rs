//! A program under examination: its own process group, its output collected, its end certain.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// How to start a program.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// A shell command line, run as `sh -c 'exec COMMAND'`, or without `exec` where it is compound.
    pub command: String,
    /// Set on top of the inherited environment.
    pub env: BTreeMap<String, String>,
    /// Removed from the inherited environment.
    pub env_remove: Vec<String>,
    /// The working directory; the caller's when none.
    pub workdir: Option<PathBuf>,
}

/// Which stream a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// One line of output.
#[derive(Clone, Debug)]
pub struct Line {
    /// Since the program's start.
    pub at: Duration,
    /// Where from.
    pub stream: Stream,
    /// The text, shortened at 64 KiB.
    pub text: String,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With an exit code.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

/// What the process group uses now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Resident memory of the group's processes, in bytes.
    pub resident: u64,
    /// Open file descriptors.
    pub descriptors: u64,
    /// Processes in the group.
    pub processes: u64,
    /// CPU time used so far, user and system.
    pub cpu: Duration,
}

/// A running program. Dropping it kills its whole process group; so does the death of the examiner.
#[derive(Debug)]
pub struct Process {
    _launch: Launch,
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// When the shell cannot be started.
    pub fn start(_launch: Launch) -> std::io::Result<Self> {
        unimplemented!("lands with drill")
    }

    /// The leader's process id, which is the group's id too.
    pub fn pid(&self) -> u32 {
        unimplemented!("lands with drill")
    }

    /// The group's processes now, leader first.
    pub fn pids(&self) -> Vec<u32> {
        unimplemented!("lands with drill")
    }

    /// Whether the leader still runs.
    pub fn is_running(&mut self) -> bool {
        unimplemented!("lands with drill")
    }

    /// Sends a signal to the leader alone (as a process manager does).
    pub fn signal(&self, _signal: i32) {
        unimplemented!("lands with drill")
    }

    /// Sends a signal to the whole group.
    pub fn signal_group(&self, _signal: i32) {
        unimplemented!("lands with drill")
    }

    /// Waits for the leader's end; none when it still runs after `timeout`. Cancel-safe.
    pub async fn wait(&mut self, _timeout: Duration) -> Option<Exit> {
        unimplemented!("lands with drill")
    }

    /// SIGTERM, then SIGKILL to the group after `grace`. Returns how the leader ended and how long it took.
    pub async fn stop(&mut self, _grace: Duration) -> (Option<Exit>, Duration) {
        unimplemented!("lands with drill")
    }

    /// Everything it has printed so far, at most the last 20,000 lines.
    pub fn output(&self) -> Vec<Line> {
        unimplemented!("lands with drill")
    }

    /// What the group uses now.
    pub fn usage(&self) -> Usage {
        unimplemented!("lands with drill")
    }
}
