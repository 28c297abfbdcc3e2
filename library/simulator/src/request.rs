//! A request in the simulation, from its arrival to its end.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// In the socket, or its head is being read.
    Unread,
    /// In the queue of the admission control.
    Queued,
    /// Computes.
    Computing,
    /// Waits for a dependency.
    Calling,
    /// Answered, refused, or dropped.
    Ended,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) kind: usize,
    pub(crate) client: u64,
    pub(crate) attempt: usize,
    pub(crate) arrived: f64,
    /// Seconds of work that are left, at normal speed.
    pub(crate) work: f64,
    /// Statements that its transaction still waits for, and the moment since which it holds its place.
    pub(crate) statements: u32,
    pub(crate) held_since: f64,
    pub(crate) state: State,
    /// It was admitted at some time.
    pub(crate) admitted: bool,
    pub(crate) client_left: bool,
    /// It has a connection of its client.
    pub(crate) connected: bool,
}
