//! Event bus, bounded, on which parts publish their changes. It keeps the last events for listeners that come later.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;
use tokio::sync::broadcast;

/// Number of events that are kept, and that a slow listener may lag before it loses the oldest (and learns how many).
pub const EVENTS_KEPT: usize = 1024;

/// A change of a part's state.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// Number of the event, from 1 on, without gaps.
    pub sequence: u64,
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

/// Past events of a bus.
#[derive(Clone, Debug, Default)]
pub struct PastEvents {
    /// The events that are kept, the oldest first.
    pub events: Vec<Arc<Event>>,
    /// The number of asked events that are not kept any more.
    pub lost: u64,
}

/// Broadcast channel for state changes. Publishing never waits for a listener: one that is too slow loses the oldest events.
#[derive(Clone, Debug)]
pub struct Bus {
    sender: broadcast::Sender<Arc<Event>>,
    kept: Arc<Mutex<VecDeque<Arc<Event>>>>,
}

impl Default for Bus {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(EVENTS_KEPT), kept: Arc::default() }
    }
}

impl Bus {
    /// Publishes a change, and keeps it.
    pub fn publish(
        &self,
        part: &'static str,
        name: impl Into<String>,
        state: impl Into<String>,
        reason: impl Into<String>,
    ) {
        let (name, state, reason) = (name.into(), state.into(), reason.into());
        // Numbered, kept and sent under one lock, so that all see one order. A deque of pointers is whole whatever happened to the thread
        // that held the lock.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let sequence = kept.back().map_or(0, |last| last.sequence) + 1;
        let event = Arc::new(Event { sequence, at: SystemTime::now(), part, name, state, reason });
        if kept.len() == EVENTS_KEPT {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&event));
        let _ = self.sender.send(event);
    }

    /// Subscribes from now on. `recv` is cancel-safe; `Lagged(n)` has the number of lost events.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Event>> {
        self.sender.subscribe()
    }

    /// Returns the kept events after the one with this number; 0 asks for all.
    pub fn after(&self, sequence: u64) -> PastEvents {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let first = kept.front().map_or(sequence + 1, |first| first.sequence);
        let events = kept.iter().filter(|event| event.sequence > sequence).cloned().collect();
        PastEvents { events, lost: first.saturating_sub(sequence + 1) }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast::error::TryRecvError;

    use super::*;

    fn publish(bus: &Bus, events: std::ops::Range<usize>) {
        events.for_each(|n| bus.publish("test", n.to_string(), "changed", ""));
    }

    #[test]
    fn a_listener_that_falls_behind_loses_the_oldest_and_learns_how_many() {
        let bus = Bus::default();
        let mut listener = bus.listen();
        publish(&bus, 0..EVENTS_KEPT + 10);
        assert_eq!(listener.try_recv().unwrap_err(), TryRecvError::Lagged(10));
        assert_eq!(listener.try_recv().unwrap().name, "10");
    }

    #[test]
    fn a_listener_that_comes_late_gets_the_kept_events_and_the_number_of_lost_ones() {
        let bus = Bus::default();
        assert_eq!(bus.after(0).events.len(), 0);
        publish(&bus, 0..3);
        let names = |past: &PastEvents| past.events.iter().map(|event| event.name.clone()).collect::<Vec<_>>();
        assert_eq!((names(&bus.after(0)), bus.after(0).lost), (vec!["0".into(), "1".into(), "2".into()], 0));
        assert_eq!(names(&bus.after(2)), ["2"]);
        publish(&bus, 3..EVENTS_KEPT + 10);
        let past = bus.after(4);
        assert_eq!((past.events.len(), past.lost), (EVENTS_KEPT, 6));
        assert_eq!(past.events[0].sequence, 11);
    }
}
