//! Child processes that do not inherit the variables which the process manager set for this process alone.

use std::ffi::OsStr;
use std::process::Command;

/// The variables that address this process: those of sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3).
pub const ADDRESSED: [&str; 6] =
    ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];

/// A command without [`ADDRESSED`] in its environment, so that a child process cannot speak to the process manager in the name of
/// this process. For tokio, convert it: `tokio::process::Command::from(command("sh"))`.
///
/// This covers commands that are made here. A command that other code makes inherits them: in edition 2024 a program cannot
/// remove a variable of its own without `unsafe`.
///
/// ```
/// let mut child = evenkeel_supervision::command("sh");
/// let cleared: Vec<_> = child.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
/// assert!(cleared.contains(&"NOTIFY_SOCKET".as_ref()));
/// child.args(["-c", "test -z \"$NOTIFY_SOCKET$WATCHDOG_USEC\""]);
/// assert!(child.status()?.success());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in ADDRESSED {
        command.env_remove(name);
    }
    command
}
