//! The parts of a service, and the order in which they start and stop.

use std::sync::{Arc, Mutex, PoisonError};

/// The parts of a service, in the order in which they start. The addresses of both listeners are bound before the first part but the logs
/// is started, so that an address in use is found out first.
///
/// Each run records the parts that it starts and stops ([`Stopped`](crate::Stopped)), and a test compares a run with both lists.
pub const ORDER: [Part; 6] =
    [Part::Logs, Part::AdminListener, Part::Store, Part::BackgroundParts, Part::PublicListener, Part::Readiness];

/// The parts of a service, in the order in which they stop: the reverse order of their start.
pub const STOP_ORDER: [Part; 6] =
    [Part::Readiness, Part::PublicListener, Part::BackgroundParts, Part::Store, Part::AdminListener, Part::Logs];

/// A part of a service that starts and stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// Logs: first to start and last to stop, so that the others can log.
    Logs,
    /// The admin listener: it shows a slow start and a slow stop. Routes that need the other parts are added when these have started.
    AdminListener,
    /// The store, opened and migrated, with the client, the dependencies and the pool for CPU-bound work.
    Store,
    /// The supervised background parts, which need the store.
    BackgroundParts,
    /// The public listener: it listens only when everything behind it works.
    PublicListener,
    /// Readiness: the first to go, so that balancers send no more requests.
    Readiness,
}

impl Part {
    /// The part's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::AdminListener => "admin listener",
            Self::Store => "store",
            Self::BackgroundParts => "background parts",
            Self::PublicListener => "public listener",
            Self::Readiness => "readiness",
        }
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The parts that one run has started and stopped, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    parts: Arc<Mutex<(Vec<Part>, Vec<Part>)>>,
}

impl Record {
    /// Starts a part.
    pub(crate) fn start<T>(&self, part: Part, start: impl FnOnce() -> T) -> T {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).0.push(part);
        start()
    }

    /// Stops a part.
    pub(crate) fn stop<T>(&self, part: Part, stop: impl FnOnce() -> T) -> T {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).1.push(part);
        stop()
    }

    pub(crate) fn started(&self) -> Vec<Part> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    pub(crate) fn stopped(&self) -> Vec<Part> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}
