//! Signals that a process handles.

use procfs::process::Process;

/// Returns true if the process has a handler for this signal (1 to 64): then an end by the signal is its own doing, at the end of its work.
pub(crate) fn handles(pid: u32, signal: u32) -> bool {
    let status = Process::new(pid.cast_signed()).and_then(|process| process.status());
    status.is_ok_and(|status| (1..=64).contains(&signal) && status.sigcgt >> (signal - 1) & 1 == 1)
}
