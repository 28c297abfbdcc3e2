//! The state of one connection, shared between its socket and the requests on it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use crate::admission::Neighbours;

/// What the peer is expected to do next on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing: no request is under way.
    Idle,
    /// Finish the request head it began.
    Head,
    /// Wait: a request is being worked on or answered.
    Busy,
}

/// Shared by the socket's wrapper, the service and the bodies of one connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Requests under way (several with HTTP/2).
    busy: AtomicU64,
    /// Microseconds since `opened` at which the phase began; the top bit says that a head has begun.
    since: AtomicU64,
    opened: Instant,
    /// Whether it speaks HTTP/2, where bytes without a request are ordinary.
    http2: OnceLock<bool>,
    /// Whether the peer may still be sending what nobody will read: the close must linger.
    unread: AtomicBool,
    /// The requests in flight from the same address.
    neighbours: Neighbours,
}

const HEAD: u64 = 1 << 63;

impl Connection {
    pub(crate) fn new(neighbours: Neighbours) -> Arc<Self> {
        Arc::new(Self {
            busy: AtomicU64::new(0),
            since: AtomicU64::new(0),
            opened: Instant::now(),
            http2: OnceLock::new(),
            unread: AtomicBool::new(false),
            neighbours,
        })
    }

    /// The phase, and how long it has lasted.
    pub(crate) fn phase(&self) -> (Phase, Duration) {
        if self.busy.load(Ordering::Acquire) > 0 {
            return (Phase::Busy, Duration::ZERO);
        }
        let since = self.since.load(Ordering::Acquire);
        let lasted = self.now().saturating_sub(since & !HEAD);
        let phase = if since & HEAD == 0 { Phase::Idle } else { Phase::Head };
        (phase, Duration::from_micros(lasted))
    }

    /// The phase alone, without a look at the clock.
    fn is_idle(&self) -> bool {
        self.busy.load(Ordering::Acquire) == 0 && self.since.load(Ordering::Acquire) & HEAD == 0
    }

    /// Bytes came from the peer.
    pub(crate) fn heard(&self, bytes: &[u8]) {
        let http2 = *self.http2.get_or_init(|| bytes.starts_with(b"PRI"));
        if self.is_idle() {
            let begun = if http2 { 0 } else { HEAD };
            self.since.store(self.now() | begun, Ordering::Release);
        }
    }

    /// Bytes were taken by the peer.
    pub(crate) fn taken(&self) {
        if self.is_idle() {
            self.since.store(self.now(), Ordering::Release);
        }
    }

    /// A request's head is complete; the connection is busy until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::AcqRel);
        Busy(self.clone())
    }

    pub(crate) fn neighbours(&self) -> Neighbours {
        self.neighbours.clone()
    }

    /// The peer may still be sending what nobody reads.
    pub(crate) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Release);
    }

    pub(crate) fn must_linger(&self) -> bool {
        self.unread.load(Ordering::Acquire)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(HEAD - 1)
    }
}

/// A request under way on a connection.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Connection>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.since.store(self.0.now(), Ordering::Release);
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_head_is_timed_from_its_first_byte_however_it_drips() {
        let connection = Connection::new(Neighbours::default());
        assert_eq!(connection.phase().0, Phase::Idle);
        connection.heard(b"G");
        tokio::time::advance(Duration::from_secs(3)).await;
        connection.heard(b"E");
        assert_eq!(connection.phase(), (Phase::Head, Duration::from_secs(3)));
        let busy = connection.begin();
        assert_eq!(connection.phase().0, Phase::Busy);
        drop(busy);
        assert_eq!(connection.phase(), (Phase::Idle, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn an_http2_ping_is_activity_and_not_the_start_of_a_head() {
        let connection = Connection::new(Neighbours::default());
        connection.heard(b"PRI * HTTP/2.0");
        tokio::time::advance(Duration::from_secs(60)).await;
        connection.heard(b"ping");
        assert_eq!(connection.phase(), (Phase::Idle, Duration::ZERO));
    }
}
