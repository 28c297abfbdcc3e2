//! Why a process could not be started.

use keel_drill::process::{Exit, Line, Process};

/// Lines of output in a [`StartFailure`].
const LAST_LINES: usize = 30;

/// The service could not be started; its last output says why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct StartFailure {
    /// The failure, and the remedy.
    pub reason: String,
    /// Its last lines of output.
    pub output: Vec<String>,
}

pub(super) fn how(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("with exit code {code}"),
        Exit::Signal(signal) => format!("by signal {signal}"),
    }
}

pub(super) fn last_lines(process: &Process) -> Vec<String> {
    last_of(&process.output())
}

pub(super) fn last_of(lines: &[Line]) -> Vec<String> {
    lines[lines.len().saturating_sub(LAST_LINES)..].iter().map(|line| line.text.clone()).collect()
}
