//! Shell commands of a drill.

use std::time::Duration;

use crate::environment::without_manager;

/// The longest that a command of a drill may take.
const COMMAND_PATIENCE: Duration = Duration::from_secs(30);

/// Runs a shell command; its failure in a sentence.
pub(super) async fn run_command(run: &str) -> Result<(), String> {
    let mut command = std::process::Command::new("/bin/sh");
    without_manager(&mut command);
    let mut command = tokio::process::Command::from(command);
    command.arg("-c").arg(run).stdin(std::process::Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(COMMAND_PATIENCE, command.output()).await {
        Err(_) => Err(format!("`{run}` took longer than {COMMAND_PATIENCE:?}")),
        Ok(Err(error)) => Err(format!("`{run}` could not be started: {error}")),
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("`{run}`: {}{}{}", output.status, if said.is_empty() { "" } else { ": " }, said.trim()))
        }
    }
}
