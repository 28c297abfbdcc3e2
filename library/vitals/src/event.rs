//! Event bus, bounded, on which parts publish their changes.

use std::time::SystemTime;

use serde::Serialize;
use tokio::sync::broadcast;

/// Number of events that a slow listener may lag before it loses the oldest (and learns how many).
pub const EVENTS_KEPT: usize = 1024;

/// A change of a part's state.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// Time of the change.
    pub at: SystemTime,
    /// The kind of part: `lifecycle`, `breaker`, `child`, ...
    pub part: &'static str,
    /// Name of the instance of that kind.
    pub name: String,
    /// New state.
    pub state: String,
    /// Reason, in one sentence; empty when there is nothing to add.
    pub reason: String,
}

/// Broadcast channel for state changes. Publishing never waits: a listener that is too slow loses the oldest events.
#[derive(Clone, Debug)]
pub struct Bus {
    sender: broadcast::Sender<Event>,
}

impl Default for Bus {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(EVENTS_KEPT) }
    }
}

impl Bus {
    /// Publishes a change; without a listener it is discarded.
    pub fn publish(
        &self,
        part: &'static str,
        name: impl Into<String>,
        state: impl Into<String>,
        reason: impl Into<String>,
    ) {
        let event =
            Event { at: SystemTime::now(), part, name: name.into(), state: state.into(), reason: reason.into() };
        let _ = self.sender.send(event);
    }

    /// Subscribes from now on. `recv` is cancel-safe; `Lagged(n)` has the number of lost events.
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast::error::TryRecvError;

    use super::*;

    #[test]
    fn a_listener_that_falls_behind_loses_the_oldest_and_learns_how_many() {
        let bus = Bus::default();
        let mut listener = bus.listen();
        for n in 0..EVENTS_KEPT + 10 {
            bus.publish("test", n.to_string(), "changed", "");
        }
        assert_eq!(listener.try_recv().unwrap_err(), TryRecvError::Lagged(10));
        assert_eq!(listener.try_recv().unwrap().name, "10");
    }
}
