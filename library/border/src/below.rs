//! Refusals below the HTTP server: an idle HTTP/1.1 connection gets a prepared 503, and the server sees nothing of its request.
//!
//! Only under congestion, and only where the bytes that were read are one whole simple request ([`SimpleHead`]) at a place where a
//! head begins ([`Connection::is_at_head`]): answers stay in the order of their requests, and bytes of a body are never taken for a head.
//! Pipelined requests go to the server.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::time::Instant;

use crate::connection::Connection;
use crate::prepared;
use crate::shed::{Early, Refusal, Shed, Where};
use crate::simple_head::SimpleHead;
use crate::timer::Timer;

/// The refusals of one socket.
#[derive(Debug)]
pub(crate) struct Below {
    shed: Arc<Shed>,
    /// The answer of which the peer has not taken all: one, as nothing is read before it is sent.
    answers: Vec<u8>,
    sent: usize,
    /// The peer waits for it until then.
    held_until: Option<Instant>,
    timer: Timer,
}

impl Below {
    pub(crate) fn new(shed: Arc<Shed>) -> Self {
        Self { shed, answers: Vec::new(), sent: 0, held_until: None, timer: Timer::default() }
    }

    /// Returns true while the age of what is read matters.
    pub(crate) fn watches_age(&self) -> bool {
        self.shed.watches_age()
    }

    /// Returns true while requests may be refused here, if the connection is at a head.
    pub(crate) fn is_congested(&self) -> bool {
        self.shed.is_congested()
    }

    /// Refuses the request that `bytes` are, if it is simple and the queue has no room for it. The answer is to be sent then.
    pub(crate) fn refuse(&mut self, connection: &Connection, bytes: &[u8], now: Instant) -> bool {
        let (Some(client), Some(head)) = (connection.client_address(), SimpleHead::parse(bytes)) else { return false };
        let (at, method, path, class) = (Where::Socket, &head.method, head.path(), head.class);
        // The age would cost a system call, and a full queue refuses at any age.
        let (age, is_counted) = (Duration::ZERO, false);
        let early = Early { at, method, path, class, client: Some(client), age, now, is_counted };
        let Some(Refusal { reason, hold }) = self.shed.refuse_early(early) else {
            connection.count();
            return false;
        };
        self.held_until = hold.map(|hold| now + hold);
        prepared::write(reason, head.method == axum::http::Method::HEAD, head.request_id, &mut self.answers);
        true
    }

    /// Returns true while answers wait for the peer.
    pub(crate) fn is_sending(&self) -> bool {
        self.sent < self.answers.len()
    }

    /// Ready when the peer need not wait for its answer any more.
    pub(crate) fn poll_held(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self.held_until {
            Some(until) if !self.timer.has_passed(until, context) => Poll::Pending,
            _ => {
                self.held_until = None;
                Poll::Ready(())
            }
        }
    }

    /// Sends the answers; ready with the number of bytes of the last write when the peer has taken all.
    pub(crate) fn poll_send<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut last = 0;
        while self.sent < self.answers.len() {
            last = ready!(Pin::new(&mut *socket).poll_write(context, &self.answers[self.sent..]))?;
            if last == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += last;
        }
        // An idle connection keeps no memory for them.
        (self.answers, self.sent) = (Vec::new(), 0);
        Poll::Ready(Ok(last))
    }
}

#[cfg(test)]
mod tests {
    use resilience::Criticality;
    use resilience::admission::{Entry, Permit, Reason, RouteId, Waiting};
    use supervision::StopSource;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::time::timeout;

    use super::*;
    use crate::Limits;
    use crate::access_log::AccessLog;
    use crate::client::Clients;
    use crate::connection::Peer;
    use crate::exchange::Exchange;
    use crate::socket::Socket;
    use crate::traffic::Traffic;

    /// Half of the default objective.
    const HOLD: Duration = Duration::from_millis(250);
    const GET: &[u8] = b"GET /work HTTP/1.1\r\nhost: x\r\nx-request-id: abc\r\n\r\n";
    const ADDRESS: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    /// A gate whose queue is full, until `load` is dropped.
    struct Overload {
        shed: Arc<Shed>,
        load: Vec<(Option<Permit>, Option<Waiting>)>,
    }

    impl Overload {
        fn new() -> Self {
            let (traffic, log) = (Arc::new(Traffic::new("public")), Arc::new(AccessLog::new(1)));
            let mut overload = Self { shed: Shed::new(&Limits::default(), traffic, log), load: Vec::new() };
            overload.fill();
            overload
        }

        fn fill(&mut self) {
            while self.refused().is_none() {
                self.shed.learn(&axum::http::Method::GET, "/work", RouteId::OTHER, Criticality::Default);
                match self.shed.decide(RouteId::OTHER, Criticality::Default, Some(ADDRESS), Duration::ZERO) {
                    Entry::Admitted(permit) => self.load.push((Some(permit), None)),
                    Entry::Queued(waiting) => self.load.push((None, Some(waiting))),
                    Entry::Refused(_) => return,
                }
            }
        }

        fn refused(&self) -> Option<Refusal> {
            let (method, class) = (&axum::http::Method::GET, Criticality::Default);
            let client = Some(ADDRESS);
            let at = Where::Socket;
            self.shed.refuse_early(Early {
                at,
                method,
                path: "/work",
                class,
                client,
                age: Duration::ZERO,
                now: Instant::now(),
                is_counted: true,
            })
        }

        /// A socket of the same client.
        fn socket<S>(&self, ours: S) -> (Socket<S, ()>, Arc<Connection>) {
            let never = StopSource::new();
            let peer = Peer::Client(Arc::new(Clients::default()).at(ADDRESS));
            let connection = Arc::new(Connection::new(Arc::default(), peer, never.listen(), never.listen()));
            // A source that is gone would cut.
            std::mem::forget(never);
            let socket = Socket::new(ours, connection.clone(), Arc::new(Traffic::new("public")), ());
            (socket.with_refusals(Below::new(self.shed.clone())), connection)
        }

        /// A connection of the same client: the server's side, the peer's side, and its state.
        fn connect(&self, buffer: usize) -> (Socket<DuplexStream, ()>, DuplexStream, Arc<Connection>) {
            let (ours, theirs) = tokio::io::duplex(buffer);
            let (socket, connection) = self.socket(ours);
            (socket, theirs, connection)
        }
    }

    /// Reads as the server does, for a moment.
    async fn server_reads(socket: &mut Socket<DuplexStream, ()>) -> Option<Vec<u8>> {
        let mut bytes = [0; 1024];
        let read = timeout(Duration::from_millis(1), socket.read(&mut bytes)).await;
        read.ok().map(|read| bytes[..read.expect("the peer is there")].to_vec())
    }

    async fn peer_reads(peer: &mut DuplexStream) -> String {
        let mut bytes = vec![0; 4096];
        let read = timeout(Duration::from_millis(1), peer.read(&mut bytes)).await.expect("an answer").unwrap();
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_gets_its_refusal_and_the_server_sees_nothing_of_the_request() {
        let overload = Overload::new();
        let (mut socket, mut peer, _connection) = overload.connect(4096);
        let before = overload.shed.early()[1];
        for _ in 0..3 {
            peer.write_all(GET).await.unwrap();
            assert_eq!(server_reads(&mut socket).await, None);
            let answer = peer_reads(&mut peer).await;
            assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("x-request-id: abc\r\n"), "{answer}");
        }
        assert_eq!(overload.shed.early()[1] - before, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_has_room_reaches_the_server() {
        let mut overload = Overload::new();
        let (mut socket, mut peer, _connection) = overload.connect(4096);
        overload.load.clear();
        peer.write_all(GET).await.unwrap();
        assert_eq!(server_reads(&mut socket).await.as_deref(), Some(GET));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_in_two_parts_and_pipelined_requests_are_left_to_the_server() {
        let overload = Overload::new();
        let (mut socket, mut peer, _connection) = overload.connect(4096);
        for part in [&GET[..10], &GET[10..]] {
            peer.write_all(part).await.unwrap();
            assert_eq!(server_reads(&mut socket).await.as_deref(), Some(part));
        }
        let (mut socket, mut peer, _connection) = overload.connect(4096);
        peer.write_all(&[GET, GET].concat()).await.unwrap();
        assert_eq!(server_reads(&mut socket).await, Some([GET, GET].concat()));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn requests_of_a_client_that_has_reset_its_connection_do_not_reach_the_server() {
        let overload = Overload::new();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        for reset in [false, true] {
            let mut peer = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (ours, _) = listener.accept().await.unwrap();
            let (mut socket, _connection) = overload.socket(ours);
            peer.write_all(&[GET, GET].concat()).await.unwrap();
            if reset {
                peer.set_zero_linger().unwrap();
                drop(peer);
            }
            let read = socket.read(&mut [0; 1024]).await;
            let expected = if reset { Err(io::ErrorKind::ConnectionReset) } else { Ok(2 * GET.len()) };
            assert_eq!(read.map_err(|error| error.kind()), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_refused_behind_an_open_request_or_behind_one_with_a_body() {
        let overload = Overload::new();
        let (mut socket, mut peer, connection) = overload.connect(4096);
        // The server read this one before the overload.
        connection.received(GET);
        let running = Exchange::begin(connection.clone(), "/");
        peer.write_all(GET).await.unwrap();
        assert_eq!(server_reads(&mut socket).await.as_deref(), Some(GET), "it is pipelined");
        running.answered(0);
        drop(running);
        socket.flush().await.unwrap();
        // Bytes came while a request was open: only the server can tell where a head begins.
        peer.write_all(GET).await.unwrap();
        assert_eq!(server_reads(&mut socket).await.as_deref(), Some(GET));

        let (mut socket, mut peer, connection) = overload.connect(4096);
        connection.received(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n");
        let running = Exchange::begin(connection.clone(), "/");
        connection.has_body(None);
        running.answered(0);
        drop(running);
        socket.flush().await.unwrap();
        peer.write_all(GET).await.unwrap();
        assert_eq!(server_reads(&mut socket).await.as_deref(), Some(GET), "it may be the body");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answered_request_leaves_the_connection_at_a_head() {
        let overload = Overload::new();
        let (mut socket, mut peer, connection) = overload.connect(4096);
        connection.received(GET);
        let running = Exchange::begin(connection.clone(), "/");
        running.answered(0);
        drop(running);
        socket.flush().await.unwrap();
        peer.write_all(GET).await.unwrap();
        assert_eq!(server_reads(&mut socket).await, None);
        assert!(peer_reads(&mut peer).await.starts_with("HTTP/1.1 503 "));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_take_its_refusal_is_not_read_and_is_cut() {
        let overload = Overload::new();
        let (mut socket, mut peer, _connection) = overload.connect(64);
        let start = tokio::time::Instant::now();
        let read = async {
            let mut bytes = [0; 1024];
            socket.read(&mut bytes).await
        };
        let (read, _) = tokio::join!(read, peer.write_all(GET));
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let grace = Limits::default().rate_grace;
        assert!(start.elapsed() >= grace && start.elapsed() < 2 * grace);
    }

    /// Asks for a client without a connection.
    fn ask(shed: &Shed, client: [u8; 4]) -> Option<Refusal> {
        let (method, class, client) = (&axum::http::Method::GET, Criticality::Default, Some(client.into()));
        let (age, now, is_counted) = (Duration::ZERO, Instant::now(), false);
        shed.refuse_early(Early { at: Where::Socket, method, path: "/work", class, client, age, now, is_counted })
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_far_over_its_share_waits_for_its_refusals_and_others_are_not_refused_for_theirs() {
        let overload = Overload::new();
        let (mut socket, mut peer, _connection) = overload.connect(4096);
        let mut last = None;
        // The queue stays full for 480 ms. Nothing is answered: a route takes one request in each 100 ms.
        for request in 0..440 {
            tokio::time::advance(Duration::from_millis(1)).await;
            last = ask(&overload.shed, [192, 0, 2, 1]);
            if request == 90 || request == 430 {
                let other = ask(&overload.shed, [192, 0, 2, 2]);
                assert!(other.is_none_or(|refusal| refusal.reason != Reason::Share), "{other:?}");
            }
        }
        assert_eq!(last, Some(Refusal { reason: Reason::Share, hold: Some(HOLD) }));
        peer.write_all(GET).await.unwrap();
        assert_eq!(server_reads(&mut socket).await, None);
        tokio::time::advance(HOLD / 2).await;
        assert_eq!(server_reads(&mut socket).await, None);
        let mut early = [0; 1];
        assert!(timeout(Duration::from_millis(1), peer.read(&mut early)).await.is_err(), "its refusal is held");
        tokio::time::advance(HOLD).await;
        assert_eq!(server_reads(&mut socket).await, None);
        assert!(peer_reads(&mut peer).await.starts_with("HTTP/1.1 503 "));
    }
}
