//! Stop request, from its source (a signal, a handle) to the program.

use tokio::sync::watch;

/// Urgency of a requested stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Haste {
    /// Balancers need a moment to notice: the drain delay applies.
    AfterDelay,
    /// Immediate: no drain delay for load balancers.
    AtOnce,
}

/// Requests the end of a service.
#[derive(Clone, Debug)]
pub(crate) struct Asker(watch::Sender<Option<Haste>>);

/// Receives the request to end.
#[derive(Debug)]
pub(crate) struct Asked(watch::Receiver<Option<Haste>>);

pub(crate) fn channel() -> (Asker, Asked) {
    let (sender, receiver) = watch::channel(None);
    (Asker(sender), Asked(receiver))
}

impl Asker {
    /// The first request counts.
    pub(crate) fn ask(&self, haste: Haste) {
        self.0.send_if_modified(|asked| asked.is_none() && asked.replace(haste).is_none());
    }
}

impl Asked {
    /// Waits for the request to end, or for the loss of the last [`Asker`]. Cancel-safe.
    pub(crate) async fn requested(&mut self) -> Haste {
        match self.0.wait_for(Option::is_some).await {
            Ok(haste) => haste.unwrap_or(Haste::AtOnce),
            Err(_) => Haste::AtOnce,
        }
    }
}
