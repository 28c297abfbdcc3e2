//! Kills a process group when its examiner dies, however it dies.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// A shell in a group of its own that reads from a pipe held by us. The kernel closes the pipe when we die, also by
/// `kill -9`; then the shell kills the group. A line tells it to end without harm.
///
/// The standard library opens the pipe close-on-exec, so no other child can hold it open.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    /// Starts watching over the group of `leader`.
    pub(super) fn over(leader: u32) -> std::io::Result<Self> {
        // `kill -KILL -- -GROUP` is not understood by dash; this form is understood by every shell.
        let shell = Command::new("sh")
            .arg("-c")
            .arg(format!("read -r _ || kill -s KILL -- -{leader}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .spawn()?;
        Ok(Self { shell })
    }

    /// Ends it and leaves the group alone.
    pub(super) fn retire(mut self) {
        if let Some(mut pipe) = self.shell.stdin.take() {
            // Fails only when the shell is gone already, and then there is nothing to retire.
            let _ = pipe.write_all(b"\n");
            let _ = pipe.flush();
        }
        let _ = self.shell.wait();
    }

    /// Closes the pipe as our death would, and waits for what the shell does about it.
    #[cfg(test)]
    pub(super) fn abandon(mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
