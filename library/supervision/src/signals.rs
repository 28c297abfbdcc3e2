//! The signals that ask the process to end.

use tokio::signal::unix::{SignalKind, signal};

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// SIGTERM: a process manager; balancers need a moment to notice.
    Terminate,
    /// SIGINT: somebody at the keyboard.
    Interrupt,
}

/// Returns when SIGTERM or SIGINT arrives. From the first poll on, these signals no longer kill the process.
///
/// # Errors
/// When the signal handlers cannot be installed.
pub async fn end_requested() -> std::io::Result<Ended> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(tokio::select! {
        _ = terminate.recv() => Ended::Terminate,
        _ = interrupt.recv() => Ended::Interrupt,
    })
}
