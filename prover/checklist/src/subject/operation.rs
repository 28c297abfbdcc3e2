//! Operation of the service: start and stop.

use std::fmt;

/// Operation of the service: by keel, by commands, or by another program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Operation {
    /// keel runs `run` in the foreground: its process, its output and its end are keel's.
    #[default]
    Foreground,
    /// It runs already, and is neither started nor stopped.
    Attached {
        /// Its process id, if it was declared.
        pid: Option<u32>,
    },
    /// Commands start it in the background and stop it, as `docker compose up -d` does.
    Commands(Commands),
}

/// Commands that act on a service in the background. Each ends by itself, except `logs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commands {
    /// Starts it; ends when it was started.
    pub start: String,
    /// Stops it in order; ends when it has stopped.
    pub stop: String,
    /// Ends it at once, as SIGKILL does.
    pub kill: Option<String>,
    /// Prints what it prints, for as long as it runs.
    pub logs: Option<String>,
    /// Prints the id of its process on this machine.
    pub pid: Option<String>,
}

impl fmt::Display for Operation {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreground => write!(to, "keel starts it in the foreground"),
            Self::Attached { pid: None } => write!(to, "it runs already"),
            Self::Attached { pid: Some(pid) } => write!(to, "it runs already, as process {pid}"),
            Self::Commands(_) => write!(to, "commands start and stop it"),
        }
    }
}
