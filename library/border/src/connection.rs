//! One connection, shared by its socket, its service and the bodies of its requests.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use axum::http::HeaderMap;
use futures_util::task::AtomicWaker;
use supervision::Stop;
use tokio::time::Instant;

use crate::Limits;
use crate::admission::Permit;
use crate::boundary::Boundary;
use crate::client::{Client, Clients};
use crate::cross_site::Scheme;
use crate::forwarded;
use crate::open_streams::StreamPlace;
use crate::place::HeldPlace;
use crate::protocol::Protocol;
use crate::state::{Stage, State};
use crate::tls::ClientCertificate;
use crate::turn::Turn;
use crate::unsent::{Unsent, UnsentInAll};

/// Requests after which a busy connection looks at its age.
const AGE_CHECK: u32 = 64;

/// Bytes can be older than their connection by this time: they come while it is in the accept queue.
const BEFORE: Duration = Duration::from_secs(3600);

/// A factor between 0.9 and 1.1.
fn jitter() -> f64 {
    0.9 + 0.2 * vitals::random_fraction()
}

/// One connection: its state, and the parts that its requests share.
#[derive(Debug)]
pub(crate) struct Connection {
    current: Mutex<Current>,
    /// True while the peer may still be sending bytes that are never read: the close must linger.
    unread: AtomicBool,
    /// True when the connection ends after its open requests.
    retires: AtomicBool,
    /// The task that serves the connection.
    task: AtomicWaker,
    /// Age at which it retires.
    max_age: Duration,
    peer: Peer,
    /// Answers that the peer has not taken all of.
    pub(crate) unsent: Unsent,
    /// Microseconds after [`BEFORE`] the opening of the connection, plus one, at which the bytes came that were read last; zero: unknown.
    arrived: AtomicU64,
    /// True when the request that was read last was counted against the share of its client.
    counted: AtomicBool,
    /// The place of the WebSocket that it became.
    stream: Mutex<Option<StreamPlace>>,
    /// The place of its one open request (HTTP/1.1).
    pub(crate) place: HeldPlace,
    /// Its requests in the present turn of its task (HTTP/1.1).
    pub(crate) turn: Turn,
    /// True when the connection is one of TLS.
    is_tls: bool,
    /// The certificate that the peer has shown.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "no client has a certificate without TLS"))]
    pub(crate) certificate: Option<ClientCertificate>,
    pub(crate) opened: Instant,
    pub(crate) limits: Arc<Limits>,
    /// Requested when the listener takes no more requests.
    pub(crate) draining: Stop,
    /// Requested when open connections are cut.
    pub(crate) cut: Stop,
}

/// Peer of a connection.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// A client.
    Client(Arc<Client>),
    /// A trusted proxy at this address, which names the client of each request.
    Proxy(Arc<Clients>, IpAddr),
}

#[derive(Debug)]
struct Current {
    state: State,
    protocol: Protocol,
    /// The permit of the answer that the socket has not taken all of yet (HTTP/1.1).
    unflushed: Option<Permit>,
    /// Bytes of that answer.
    unflushed_bytes: u64,
    /// Requests so far.
    requests: u32,
    /// True once the connection has reached its age.
    is_old: bool,
    boundary: Boundary,
}

impl Connection {
    pub(crate) fn new(limits: Arc<Limits>, peer: Peer, draining: Stop, cut: Stop) -> Self {
        let opened = Instant::now();
        let current = Current {
            state: State::opened(opened),
            protocol: Protocol::UNKNOWN,
            unflushed: None,
            unflushed_bytes: 0,
            requests: 0,
            is_old: false,
            boundary: Boundary::START,
        };
        Self {
            current: Mutex::new(current),
            unread: AtomicBool::new(false),
            retires: AtomicBool::new(false),
            task: AtomicWaker::new(),
            max_age: limits.max_age.mul_f64(jitter()),
            peer,
            unsent: Unsent::new(limits.clone(), Arc::default()),
            arrived: AtomicU64::new(0),
            counted: AtomicBool::new(false),
            stream: Mutex::default(),
            place: HeldPlace::default(),
            turn: Turn::default(),
            is_tls: false,
            certificate: None,
            opened,
            limits,
            draining,
            cut,
        }
    }

    /// Counts its unsent bytes among those of all connections too.
    pub(crate) fn sharing(mut self, in_all: Arc<UnsentInAll>) -> Self {
        self.unsent = Unsent::new(self.limits.clone(), in_all);
        self
    }

    /// Marks it as one of TLS, whose peer has shown this certificate.
    pub(crate) fn over_tls(self, certificate: Option<ClientCertificate>) -> Self {
        Self { is_tls: true, certificate, ..self }
    }

    /// Returns the scheme in which the client of a request reached the service.
    pub(crate) fn scheme(&self, headers: &HeaderMap) -> Scheme {
        match &self.peer {
            _ if self.is_tls => Scheme::Https,
            Peer::Proxy(..) => Scheme::of_proxy(headers),
            Peer::Client(_) => Scheme::Unknown,
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.is_tls
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_http2(&self) -> bool {
        self.current().protocol == Protocol::Http2
    }

    /// The peer sent bytes.
    pub(crate) fn received(&self, bytes: &[u8]) {
        let mut current = self.current();
        let was = current.protocol;
        current.protocol = was.after(bytes);
        let (is_idle, awaits_head) = (current.state.is_idle(), current.state.awaits_head());
        current.boundary.received(bytes, is_idle, awaits_head);
        current.state = current.state.received(current.protocol == Protocol::Http2, Instant::now);
        if was != Protocol::Http2 && current.protocol == Protocol::Http2 {
            current.state = current.state.preface(Instant::now());
        }
    }

    /// Returns true when the connection is one of HTTP/2, or may become one, with these bytes next.
    pub(crate) fn may_be_http2(&self, next: &[u8]) -> bool {
        self.current().protocol.after(next) != Protocol::Http1
    }

    /// Returns true when the next byte of the peer begins a request head of HTTP/1.1, or the connection: the server has consumed every byte
    /// so far, and no request is open.
    pub(crate) fn is_at_head(&self) -> bool {
        let current = self.current();
        current.state.is_idle() && current.boundary.is_clear() && current.protocol != Protocol::Http2 && !self.retires()
    }

    /// The request has a body of this length; none: unknown.
    pub(crate) fn has_body(&self, length: Option<u64>) {
        self.current().boundary.has_body(length);
    }

    /// The request that was read last was counted against the share of its client.
    pub(crate) fn count(&self) {
        self.counted.store(true, Ordering::Relaxed);
    }

    /// Returns true, once, when the request was counted.
    pub(crate) fn take_count(&self) -> bool {
        // Only written where it changes.
        self.counted.load(Ordering::Relaxed) && self.counted.swap(false, Ordering::Relaxed)
    }

    /// Requests were answered below the server, which saw nothing of them. None is open.
    pub(crate) fn answered_below(&self, now: Instant) {
        let mut current = self.current();
        current.state = State::Idle { since: now };
        current.protocol = Protocol::Http1;
    }

    /// Notes for how long the bytes that were just read had waited; none: unknown.
    pub(crate) fn waited(&self, age: Option<Duration>) {
        let Some(age) = age else {
            // Only written where it changes.
            if self.arrived.load(Ordering::Relaxed) != 0 {
                self.arrived.store(0, Ordering::Relaxed);
            }
            return;
        };
        let at = (BEFORE + self.opened.elapsed()).saturating_sub(age);
        self.arrived.store(u64::try_from(at.as_micros()).unwrap_or(u64::MAX - 1) + 1, Ordering::Relaxed);
    }

    /// Returns the age of the request that was read last; zero where it is unknown.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        match self.arrived.load(Ordering::Relaxed).checked_sub(1) {
            Some(micros) => {
                (BEFORE + now.saturating_duration_since(self.opened)).saturating_sub(Duration::from_micros(micros))
            }
            None => Duration::ZERO,
        }
    }

    /// The socket has no more bytes for now. Returns the state.
    pub(crate) fn waits(&self) -> State {
        let mut current = self.current();
        current.state = current.state.waits(Instant::now);
        current.state
    }

    /// The peer took bytes of an upgraded connection.
    pub(crate) fn sent(&self) {
        let mut current = self.current();
        current.state = current.state.sent(Instant::now);
    }

    /// A request reached the service.
    pub(crate) fn request(&self) {
        let mut current = self.current();
        current.state = current.state.request();
        current.requests = current.requests.saturating_add(1);
        // A connection that is never idle looks at the clock now and then.
        if current.requests.is_multiple_of(AGE_CHECK) {
            current.is_old |= self.opened.elapsed() >= self.max_age;
        }
        if current.is_old || current.requests >= self.limits.max_requests {
            // This request is its last.
            self.retires.store(true, Ordering::Release);
        }
    }

    /// Returns since when it has been idle; none: it has an open request, or never had one.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        match self.current().state {
            State::Idle { since } => Some(since),
            _ => None,
        }
    }

    /// The service gave an answer.
    pub(crate) fn answered(&self) {
        let mut current = self.current();
        current.state = current.state.answered();
    }

    /// Keeps the place of a WebSocket until the connection ends.
    pub(crate) fn hold_stream(&self, place: StreamPlace) {
        *self.stream.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }

    /// The answer agreed to another protocol.
    pub(crate) fn upgraded(&self) {
        let mut current = self.current();
        current.state = current.state.upgraded(Instant::now());
    }

    /// A request ended. Its permit is kept until the socket has taken its answer where the socket tells that: in HTTP/1.1 the
    /// next flush is the answer's.
    /// The same holds for the bytes of its answer.
    pub(crate) fn ended(&self, stage: Stage, permit: Option<Permit>, bytes: u64) {
        let mut current = self.current();
        current.state = current.state.ended(stage);
        if current.protocol == Protocol::Http2 {
            current.state = current.state.flushed(Instant::now);
            self.note_age(&mut current);
        } else if current.state == (State::Answering { answering: 0 }) {
            current.unflushed = permit;
            current.unflushed_bytes += bytes;
            return;
        }
        drop(current);
        self.unsent.release(bytes);
    }

    /// An idle connection knows the time.
    fn note_age(&self, current: &mut Current) {
        if let State::Idle { since } = current.state {
            current.is_old |= since.saturating_duration_since(self.opened) >= self.max_age;
        }
    }

    /// The socket took everything that was buffered. Returns true when no request is open any more since then.
    pub(crate) fn flushed(&self) -> bool {
        let mut current = self.current();
        let ends = current.state == (State::Answering { answering: 0 });
        if ends {
            current.state = current.state.flushed(Instant::now);
            drop(current.unflushed.take());
            self.note_age(&mut current);
            let bytes = std::mem::take(&mut current.unflushed_bytes);
            drop(current);
            self.unsent.release(bytes);
        }
        ends
    }

    /// Returns the client of a request: the peer, or the client that a trusted proxy names.
    pub(crate) fn client_of(&self, headers: &HeaderMap) -> Arc<Client> {
        match &self.peer {
            Peer::Client(client) => client.clone(),
            Peer::Proxy(clients, address) => {
                let Limits { forwarded_header, trusted_proxies, .. } = &*self.limits;
                clients.at(forwarded::client_of(headers, *address, *forwarded_header, trusted_proxies))
            }
        }
    }

    /// Returns the address of a peer that is the client of all of its requests; none for a proxy, which names the client of each.
    pub(crate) fn client_address(&self) -> Option<IpAddr> {
        match &self.peer {
            Peer::Client(client) => client.network(),
            Peer::Proxy(..) => None,
        }
    }

    /// Marks that the peer may still be sending bytes that are never read.
    pub(crate) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Release);
    }

    pub(crate) fn must_linger(&self) -> bool {
        self.unread.load(Ordering::Acquire)
    }

    /// Ends the connection once its requests have ended.
    pub(crate) fn retire(&self) {
        self.retires.store(true, Ordering::Release);
        self.task.wake();
    }

    /// Wakes this task when the connection retires.
    pub(crate) fn wake_when_it_retires(&self, task: &Waker) {
        self.task.register(task);
    }

    pub(crate) fn retires(&self) -> bool {
        self.retires.load(Ordering::Acquire)
    }
}

#[cfg(test)]
impl Default for Peer {
    fn default() -> Self {
        Self::Client(Arc::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_can_be_older_than_the_connection() {
        let never = supervision::StopSource::new();
        let connection = Connection::new(Arc::default(), Default::default(), never.listen(), never.listen());
        let waited = Duration::from_millis(700);
        tokio::time::advance(Duration::from_millis(1)).await;
        connection.waited(Some(waited));
        // They waited in the accept queue.
        assert_eq!(connection.age(Instant::now()), waited);
        tokio::time::advance(Duration::from_millis(5)).await;
        assert_eq!(connection.age(Instant::now()), waited + Duration::from_millis(5));
        connection.waited(None);
        assert_eq!(connection.age(Instant::now()), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_connection_retires_with_its_next_request_idle_or_busy() {
        for requests in [1, AGE_CHECK] {
            let never = supervision::StopSource::new();
            let connection = Connection::new(Arc::default(), Default::default(), never.listen(), never.listen());
            let serve = |requests| {
                for _ in 0..requests {
                    connection.request();
                    connection.answered();
                    connection.ended(Stage::Answering, None, 0);
                    // A busy connection is never idle in between.
                    if requests == 1 {
                        connection.flushed();
                    }
                }
            };
            let hour = Limits::default().max_age;
            tokio::time::advance(hour * 9 / 10 - Duration::from_secs(1)).await;
            serve(requests);
            serve(requests);
            assert!(!connection.retires(), "a tenth younger");
            tokio::time::advance(hour * 2 / 10 + Duration::from_secs(2)).await;
            serve(requests);
            serve(requests);
            assert!(connection.retires(), "a tenth older");
        }
    }
}
