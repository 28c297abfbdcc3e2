//! The parts of a service, and the order in which they start and stop.

/// The parts of a service, in the order in which they start. The addresses of both listeners are bound before the store is
/// opened.
///
/// Every part starts and stops through its [`Part`], and a test compares a real run with both lists.
pub const ORDER: [Part; 6] =
    [Part::Logs, Part::Store, Part::AdminListener, Part::BackgroundParts, Part::PublicListener, Part::Readiness];

/// The parts of a service, in the order in which they stop: the reverse order, but the admin listener outlives the store.
pub const STOP_ORDER: [Part; 6] =
    [Part::Readiness, Part::PublicListener, Part::BackgroundParts, Part::Store, Part::AdminListener, Part::Logs];

/// A part of a service that starts and stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Logs: first to start and last to stop, so that the others can log.
    Logs,
    /// The store, which everything else works with.
    Store,
    /// The admin listener: it shows a slow stop.
    AdminListener,
    /// The supervised background parts, which need the store.
    BackgroundParts,
    /// The public listener: it starts only when everything behind it works.
    PublicListener,
    /// Readiness: the first to go, so that balancers send no more requests.
    Readiness,
}

impl Part {
    /// The part's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Store => "store",
            Self::AdminListener => "admin listener",
            Self::BackgroundParts => "background parts",
            Self::PublicListener => "public listener",
            Self::Readiness => "readiness",
        }
    }

    /// Starts this part. Tests record it.
    pub(crate) fn start<T>(self, start: impl FnOnce() -> T) -> T {
        #[cfg(test)]
        trace::STARTED.with_borrow_mut(|started| started.push(self));
        start()
    }

    /// Stops this part. Tests record it.
    pub(crate) fn stop<T>(self, stop: impl FnOnce() -> T) -> T {
        #[cfg(test)]
        trace::STOPPED.with_borrow_mut(|stopped| stopped.push(self));
        stop()
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The parts that this thread has started and stopped.
#[cfg(test)]
pub(crate) mod trace {
    use std::cell::RefCell;

    use super::Part;

    thread_local! {
        pub(crate) static STARTED: RefCell<Vec<Part>> = const { RefCell::new(Vec::new()) };
        pub(crate) static STOPPED: RefCell<Vec<Part>> = const { RefCell::new(Vec::new()) };
    }
}
