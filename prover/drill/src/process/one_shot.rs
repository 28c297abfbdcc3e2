//! A command that ends by itself, such as one that starts or stops a service in the background.
//!
//! Processes that it starts stay: only the command itself is waited for and, when it takes too long, killed.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Exit, Launch};
use crate::environment::without_manager;
use std::os::unix::process::ExitStatusExt as _;

/// The most of its output that is kept, from its end, in bytes.
pub const MAX_OUTPUT: u64 = 64 << 10;
/// Time that a killed shell may take to end.
const KILLED: Duration = Duration::from_secs(2);

/// The end of a command.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The exit; `None` if it did not end in time and was killed.
    pub exit: Option<Exit>,
    /// The duration.
    pub took: Duration,
    /// The end of what it printed, at most [`MAX_OUTPUT`] bytes; invalid UTF-8 is replaced.
    pub output: String,
}

impl Ended {
    /// Returns true for exit code 0.
    pub fn is_success(&self) -> bool {
        self.exit == Some(Exit::Code(0))
    }
}

/// Runs a command to its end, at most for `limit`.
///
/// Its output goes to a file: a service that it leaves behind may hold it open for as long as it likes.
///
/// # Errors
/// When the shell cannot be started.
pub async fn run_to_end(launch: &Launch, limit: Duration) -> std::io::Result<Ended> {
    let begun = Instant::now();
    let mut output = tempfile::tempfile()?;
    let mut command = std::process::Command::new("sh");
    command.arg("-c").arg(&launch.command);
    without_manager(&mut command);
    for name in &launch.env_remove {
        command.env_remove(name);
    }
    command.envs(&launch.env);
    if let Some(folder) = &launch.workdir {
        command.current_dir(folder);
    }
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?);
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    let status = match tokio::time::timeout(limit, child.wait()).await {
        Ok(status) => Some(status?),
        Err(_) => {
            // Fails only when it has just ended.
            let _ = tokio::time::timeout(KILLED, child.kill()).await;
            None
        }
    };
    let exit = status.map(|status| status.code().map_or(Exit::Signal(status.signal().unwrap_or(0)), Exit::Code));
    let length = output.seek(SeekFrom::End(0))?;
    output.seek(SeekFrom::Start(length.saturating_sub(MAX_OUTPUT)))?;
    let mut bytes = Vec::new();
    output.take(MAX_OUTPUT).read_to_end(&mut bytes)?;
    Ok(Ended { exit, took: begun.elapsed(), output: String::from_utf8_lossy(&bytes).into_owned() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    async fn run(command: &str, limit: Duration) -> Ended {
        run_to_end(&Launch { command: command.to_owned(), ..Launch::default() }, limit).await.unwrap()
    }

    #[tokio::test]
    async fn children_of_a_command_neither_delay_its_end_nor_end_with_it() {
        let ended = run("sleep 1000 & echo $!", Duration::from_secs(20)).await;
        assert!(ended.is_success(), "{ended:?}");
        let pid = rustix::process::Pid::from_raw(ended.output.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }

    #[tokio::test]
    async fn its_exit_code_and_its_last_words_are_kept() {
        let ended = run("echo one; echo two >&2; exit 3", Duration::from_secs(20)).await;
        assert_eq!((ended.exit, ended.output.as_str()), (Some(Exit::Code(3)), "one\ntwo\n"));
    }

    #[tokio::test]
    async fn a_command_that_does_not_end_is_killed_at_its_limit() {
        let ended = run("sleep 1000; true", Duration::from_millis(50)).await;
        assert_eq!(ended.exit, None);
    }
}
