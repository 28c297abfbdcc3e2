//! The running subject: a process of keel's own, or one that was started elsewhere.

use std::time::{Duration, Instant};

use keel_drill::process::{Attached, Exit, Line, Process, Usage};

/// The running subject.
///
/// Of one that keel did not start in the foreground only what its process id shows is seen, and nothing without an id; it is
/// never signalled here.
#[derive(Debug)]
pub enum Running {
    /// In the foreground, started by keel.
    Own(Process),
    /// Started elsewhere or by a command; with the process that prints its output, if there is one.
    Elsewhere {
        /// Its process.
        process: Attached,
        /// The process that prints its output.
        logs: Option<Process>,
    },
}

impl Running {
    /// The process that keel started, when that is the subject.
    pub(crate) fn own(&mut self) -> Option<&mut Process> {
        match self {
            Self::Own(process) => Some(process),
            Self::Elsewhere { .. } => None,
        }
    }

    /// The leader's process id; none when it is not known.
    pub fn known_pid(&self) -> Option<u32> {
        match self {
            Self::Own(process) => Some(process.pid()),
            Self::Elsewhere { process, .. } => process.pid(),
        }
    }

    /// The leader's process id; 0 when it is not known.
    pub fn pid(&self) -> u32 {
        self.known_pid().unwrap_or(0)
    }

    /// Its living processes; empty when none is known.
    pub fn pids(&self) -> Vec<u32> {
        match self {
            Self::Own(process) => process.pids(),
            Self::Elsewhere { process, .. } => process.pids(),
        }
    }

    /// Returns true if its leader runs, as far as that shows.
    pub fn is_running(&mut self) -> bool {
        match self {
            Self::Own(process) => process.is_running(),
            Self::Elsewhere { process, .. } => process.is_running(),
        }
    }

    /// Returns the time of its start, or the time since which it is observed.
    pub fn started(&self) -> Instant {
        match self {
            Self::Own(process) => process.started(),
            Self::Elsewhere { process, .. } => process.since(),
        }
    }

    /// Returns its resource usage; empty if no process of it is known.
    pub fn usage(&self) -> Usage {
        match self {
            Self::Own(process) => process.usage(),
            Self::Elsewhere { process, .. } => process.usage(),
        }
    }

    /// Returns its output so far; empty if it is not known.
    pub fn output(&self) -> Vec<Line> {
        match self {
            Self::Own(process) => process.output(),
            Self::Elsewhere { logs, .. } => logs.as_ref().map(Process::output).unwrap_or_default(),
        }
    }

    /// Waits for its end; none when it still runs after `timeout`, or when nothing shows how it ended.
    pub async fn wait(&mut self, timeout: Duration) -> Option<Exit> {
        match self {
            Self::Own(process) => process.wait(timeout).await,
            Self::Elsewhere { process, .. } => {
                if process.pid().is_some() {
                    process.ended_within(timeout).await;
                }
                None
            }
        }
    }

    /// Sends a signal to its leader, when keel started it.
    pub fn signal(&self, signal: i32) {
        if let Self::Own(process) = self {
            process.signal(signal);
        }
    }

    /// Sends a signal to its whole group, when keel started it.
    pub fn signal_group(&self, signal: i32) {
        if let Self::Own(process) = self {
            process.signal_group(signal);
        }
    }
}
