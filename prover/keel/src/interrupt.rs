//! Ctrl-C, SIGTERM, and the terminal that goes away.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that break an examination off; they are listened to from its making on, so that none is lost.
pub(crate) struct Interrupt([Signal; 3]);

impl Interrupt {
    /// Listens.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?]))
    }

    /// Until the first of them.
    pub(crate) async fn first(&mut self) {
        self.name().await;
    }

    /// The name of the first of them.
    pub(crate) async fn name(&mut self) -> &'static str {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            _ = hangup.recv() => "SIGHUP",
        }
    }
}
