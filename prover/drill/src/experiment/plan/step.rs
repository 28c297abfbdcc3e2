//! The steps of a drill: one thing each that is done, and undone.

use std::time::Duration;

use serde::Deserialize;

use super::error::PlanError;
use super::settings::Settings;
use crate::fault::Fault;
use keel_input::diagnostics::clearer;
use keel_input::duration;

/// One thing that is done, and undone.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// In the words of reports.
    pub name: String,
    /// The time, from the beginning of the load.
    #[serde(deserialize_with = "duration::deserialize")]
    pub at: Duration,
    /// Until it is undone, `for` in files (`lasts` in older ones).
    #[serde(rename = "for", alias = "lasts", deserialize_with = "duration::deserialize")]
    pub lasts: Duration,
    /// The action.
    pub does: Does,
}

/// The action of a step.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Does {
    /// A dependency's answers come later.
    Slow {
        /// The dependency.
        dependency: String,
        /// The delay.
        #[serde(deserialize_with = "duration::deserialize")]
        by: Duration,
    },
    /// A dependency refuses connections.
    Down(String),
    /// A dependency accepts and never answers.
    Hang(String),
    /// A dependency answers what is not the protocol.
    Garbage(String),
    /// A dependency resets connections after the request.
    Reset(String),
    /// A dependency answers 500.
    ServerError(String),
    /// A dependency does what it is asked, and its answer is lost.
    LostAnswer(String),
    /// A dependency that speaks plain HTTP answers every call with 503: the drill's double in front of it does, and counts.
    Unavailable(String),
    /// Nothing passes between the service and these dependencies, in either direction.
    Partition(Vec<String>),
    /// A process is killed (SIGKILL), and started again at the end of the step.
    Kill(String),
    /// A process is stopped (SIGSTOP), and goes on at the end of the step.
    Freeze(String),
    /// The rate of the load is multiplied.
    Rate(f64),
    /// One more client sends this request over and over, each connection as fast as it is answered.
    Wild {
        /// The request.
        request: String,
        /// The number of connections.
        connections: u32,
    },
    /// A fault of the host or of a process on it: a table of [`crate::fault::Fault`], with `process` in place of its `pid`.
    Host(HostFault),
    /// A shell command, and the one that undoes it.
    Command {
        /// The command.
        run: String,
        /// The command that undoes it; it must do no harm when there is nothing to undo.
        undo: String,
    },
}

/// A fault of the host.
#[derive(Clone, Debug, Deserialize)]
pub struct HostFault {
    /// Its name.
    #[serde(rename = "fault")]
    pub name: String,
    /// The process that it is about, by its name: the service, or a dependency that was started for it.
    pub process: Option<String>,
    #[serde(flatten)]
    table: Settings,
}

impl HostFault {
    /// The fault, with what the file leaves out: the `pid` of the process that it names, the `switch` or the `folder` of what was
    /// prepared.
    ///
    /// # Errors
    /// When there is no such fault, or its settings are wrong.
    pub fn fault(&self, left_out: Settings) -> Result<Fault, PlanError> {
        let mut table = left_out;
        table.extend(self.table.clone());
        table.insert("fault".to_owned(), self.name.clone().into());
        serde_json::from_value(table.into())
            .map_err(|error| PlanError(format!("the fault {} of the host: {}", self.name, clearer(&error.to_string()))))
    }
}

impl Does {
    /// The dependencies that it disturbs.
    pub(crate) fn dependencies(&self) -> Vec<&str> {
        match self {
            Self::Slow { dependency, .. }
            | Self::Down(dependency)
            | Self::Hang(dependency)
            | Self::Garbage(dependency)
            | Self::Reset(dependency)
            | Self::ServerError(dependency)
            | Self::LostAnswer(dependency)
            | Self::Unavailable(dependency) => vec![dependency],
            Self::Partition(dependencies) => dependencies.iter().map(String::as_str).collect(),
            Self::Kill(_)
            | Self::Freeze(_)
            | Self::Rate(_)
            | Self::Wild { .. }
            | Self::Host(_)
            | Self::Command { .. } => Vec::new(),
        }
    }
}
