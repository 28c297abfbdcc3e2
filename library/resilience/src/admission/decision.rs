//! A request as the gate sees it, and the decisions about it.

use std::time::Duration;

use super::reason::Reason;
use crate::criticality::Criticality;

/// Identifier of a route of one gate; [`RouteId::OTHER`] is that of requests without a declared route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RouteId(pub(super) u16);

impl RouteId {
    /// The route of all requests without a declared one; it has the gate's objective.
    pub const OTHER: Self = Self(0);

    /// Its number in its gate, below [`MAX_ROUTES`](super::MAX_ROUTES).
    pub const fn index(self) -> u16 {
        self.0
    }

    /// The route of a number that `index` gave. One that a gate does not have counts as [`RouteId::OTHER`] there.
    pub const fn of_index(index: u16) -> Self {
        Self(index)
    }
}

/// Identifier of a client, by which the queue is shared fairly: a hash of its identity, or of its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClientKey(pub u64);

/// A request whose head was read, and whose body was not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrival {
    /// Time for which the request was there before it was read; zero where that is unknown.
    pub age: Duration,
    /// Its class.
    pub class: Criticality,
    /// Its client.
    pub client: ClientKey,
    /// Its route.
    pub route: RouteId,
    /// True for requests that are never refused, delayed or counted: health checks and the admin listener.
    pub exempt: bool,
}

impl Arrival {
    /// Creates an arrival on a route, without age, of the default class and of an unknown client.
    pub fn on(route: RouteId) -> Self {
        Self { route, ..Self::default() }
    }

    /// Creates the arrival of a health check or of an admin request.
    pub fn exempt() -> Self {
        Self { exempt: true, ..Self::default() }
    }
}

/// Decision about an arrival.
#[derive(Debug, PartialEq)]
pub enum Decision {
    /// Execute it now. The place is given back by `done`.
    Admit(Place),
    /// Hold it: its verdict comes with `next_wake`, or `left` takes it out.
    Queue(Ticket),
    /// Refuse it.
    Refuse(Reason),
}

/// A request that executes. Not `Clone`: it is given back once.
#[derive(Debug, PartialEq)]
#[must_use = "a place that is not given back by `done` stays taken"]
pub struct Place {
    /// Seconds since the birth of the gate.
    pub(super) started: f64,
    /// Seconds from the arrival until the head was read; the wait in the gate's own queue is not included.
    pub(super) age: f64,
    pub(super) route: u16,
    pub(super) class: Criticality,
    /// False for exempt requests.
    pub(super) counted: bool,
}

/// A request in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    pub(super) index: u32,
    pub(super) generation: u32,
}

impl Ticket {
    /// Its slot in the queue, at most [`MAX_QUEUE`](super::MAX_QUEUE); a slot is used again after its verdict was taken by `next_wake`.
    pub const fn slot(self) -> usize {
        self.index as usize
    }
}

/// Verdict about a queued request.
#[derive(Debug, PartialEq)]
pub struct Wake {
    /// The request; its ticket is void from now on.
    pub ticket: Ticket,
    /// Its place, or the reason of its refusal.
    pub verdict: Result<Place, Reason>,
}

/// End of an admitted request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The answer was sent whole, with any status.
    Answered,
    /// The client left before. Counts as slower than the objective when the client had waited for at least half of it.
    Cancelled,
    /// The time that it took means nothing: a stream, an upgraded connection. Gives back the place and teaches nothing.
    Unmeasured,
}
