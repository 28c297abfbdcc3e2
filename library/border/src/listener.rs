//! Listener: accepts connections, limits them, and drains them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use supervision::Stop;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::Limits;
use crate::age::Received;
use crate::below::Below;
use crate::border::{Border, Inner};
use crate::connection::{Connection, Peer};
use crate::proxy_protocol::read_header;
use crate::seat::{Seat, Seats};
use crate::service::answer;
use crate::socket::Socket;
use crate::streams::Streams;
use crate::tls::Tls;
use crate::transport::Transport;
use crate::turn_away::TurnAway;
use crate::unread_answer::bound_send_queue;

/// Wait after a failed accept (no descriptors left, mostly), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Time between two lines that say so.
const ACCEPT_LOGGED: Duration = Duration::from_secs(5);
/// Connections of the backlog that are still taken when the listener ends.
const LAST_ACCEPTS: usize = 4096;
/// Connections that the kernel may queue.
const BACKLOG: u32 = 1024;
/// Timeout for the PROXY protocol header.
const PROXY_HEADER: Duration = Duration::from_secs(5);
/// Send buffer of each HTTP/2 answer whose peer reads nothing.
const SEND_BUFFER: usize = 64 * 1024;
/// HTTP/2 receive window of each request body before it is read, and of a whole connection.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// The most headers of a request that hyper reads without memory of their own. It answers 431 to more.
const HEADERS: usize = 100;

/// A bound address on which connections are refused until [`Reserved::listen`].
#[derive(Debug)]
pub struct Reserved {
    socket: TcpSocket,
    address: SocketAddr,
    border: Border,
}

/// A listening socket. The kernel queues connections from its creation on; [`Listener::serve`] accepts them.
#[derive(Debug)]
pub struct Listener {
    /// None after an orderly stop.
    tcp: Mutex<Option<Arc<TcpListener>>>,
    address: SocketAddr,
    border: Border,
    tls: Option<Tls>,
    serving: OnceLock<Arc<Serving>>,
}

impl Reserved {
    /// The address, with the port that was taken for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts listening.
    ///
    /// # Errors
    /// The operating system's, such as an address in use: another process may have bound it too and listened first.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn listen(self) -> io::Result<Listener> {
        let Self { socket, address, border } = self;
        let tcp = socket.listen(BACKLOG)?;
        Ok(Listener { tcp: Mutex::new(Some(Arc::new(tcp))), address, border, tls: None, serving: OnceLock::new() })
    }
}

impl Listener {
    /// Binds `address` without listening: connections are refused until [`Reserved::listen`], so that no balancer takes a process for
    /// ready that is not. Port 0 takes a free one.
    ///
    /// # Errors
    /// The operating system's, such as an address on which another process listens.
    pub fn reserve(address: SocketAddr, border: Border) -> io::Result<Reserved> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart must not wait for old connections to be forgotten.
        socket.set_reuseaddr(true)?;
        bound_send_queue(&socket);
        socket.bind(address)?;
        let address = socket.local_addr()?;
        Ok(Reserved { socket, address, border })
    }

    /// Binds `address` and listens; port 0 takes a free one. Cancel-safe: it does not wait.
    ///
    /// # Errors
    /// The operating system's, such as an address in use.
    pub async fn bind(address: SocketAddr, border: Border) -> io::Result<Self> {
        Self::reserve(address, border)?.listen()
    }

    /// Serves TLS instead of plain HTTP, with HTTP/2 and HTTP/1.1 by ALPN. Answers carry `Strict-Transport-Security` of two years unless the handler sets its own.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn secured_by(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Returns the listen address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `routes` until `stop`, then closes the socket and lets requests in flight finish for at most `bound`.
    ///
    /// Returns how many connections were still open then; those that were not upgraded are cut. Cancel-safe: dropping the future, or a panic in it, leaves
    /// the socket listening and open connections served: call it again to go on accepting. The routes are those of the first call.
    pub async fn serve(&self, routes: Router, stop: Stop, bound: Duration) -> u64 {
        let serving =
            self.serving.get_or_init(|| Arc::new(Serving::new(self.border.inner.clone(), routes, self.tls.clone())));
        if let Some(tcp) = self.socket() {
            accept(&tcp, serving, &stop).await;
        }
        // Closes it.
        self.tcp.lock().unwrap_or_else(PoisonError::into_inner).take();
        serving.finish(bound).await
    }

    fn socket(&self) -> Option<Arc<TcpListener>> {
        self.tcp.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Failures to accept connections, of which one is logged now and then: they go on until something is closed.
#[derive(Debug, Default)]
struct AcceptFailures {
    told: Option<Instant>,
    untold: u64,
}

impl AcceptFailures {
    /// Counts a failure. Returns the number of failures since the last one that was logged, when this one is to be.
    fn told_now(&mut self, now: Instant) -> Option<u64> {
        self.untold += 1;
        if self.told.is_some_and(|told| now - told < ACCEPT_LOGGED) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

/// Accepts connections until `stop`, and those that are in the queue then: they connected before the end.
async fn accept(tcp: &TcpListener, serving: &Arc<Serving>, stop: &Stop) {
    let mut failures = AcceptFailures::default();
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => break,
            accepted = tcp.accept() => match accepted {
                Ok((socket, peer)) => Serving::take(serving, socket, peer),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if let Some(tries) = failures.told_now(Instant::now()) {
                        tracing::error!(%error, tries, "cannot accept connections; trying again");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    for _ in 0..LAST_ACCEPTS {
        match tcp.accept().now_or_pending() {
            Some(Ok((socket, peer))) => Serving::take(serving, socket, peer),
            _ => break,
        }
    }
}

trait NowOrPending: Future + Sized {
    /// The output when it is there at once.
    fn now_or_pending(self) -> Option<Self::Output> {
        futures_util::FutureExt::now_or_never(self)
    }
}
impl<F: Future> NowOrPending for F {}

/// Returns true for an error of one peer, not of the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// State shared by all connections of a listener.
#[derive(Debug)]
struct Serving {
    border: Arc<Inner>,
    limits: Arc<Limits>,
    routes: Router,
    tls: Option<Tls>,
    seats: Arc<Seats>,
    turn_away: TurnAway,
    _lag: Watch,
}

/// A task that measures the lag of the event loop until it is dropped.
#[derive(Debug)]
struct Watch(tokio::task::JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Serving {
    fn new(border: Arc<Inner>, routes: Router, tls: Option<Tls>) -> Self {
        let limits = Arc::new(border.limits.clone());
        let shed = border.shed.clone();
        Self {
            _lag: Watch(tokio::spawn(async move { shed.watch_lag().await })),
            seats: Seats::new(limits.clone(), border.traffic.clone()),
            border,
            limits,
            // Makes the routes once: without it the router wraps handlers in their layers anew for each request.
            routes: routes.with_state(()),
            tls,
            turn_away: TurnAway::new(),
        }
    }

    /// Serves one connection in a task of its own, or refuses it.
    fn take(serving: &Arc<Self>, socket: TcpStream, peer: SocketAddr) {
        let traffic = &serving.border.traffic;
        if serving.border.shed.lags() && socket.arrival().has_left() {
            traffic.gone.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let Some(seat) = serving.seats.take(peer.ip()) else { return serving.refuse(socket) };
        traffic.accepted.fetch_add(1, Ordering::Relaxed);
        let serving = serving.clone();
        tokio::spawn(async move {
            match (&seat.peer, serving.limits.proxy_protocol) {
                (Peer::Proxy(..), true) => serving.serve_proxied(socket, peer, seat).await,
                _ => serving.serve_connection(socket, peer, seat).await,
            }
        });
    }

    fn refuse(&self, socket: TcpStream) {
        self.border.traffic.refused.fetch_add(1, Ordering::Relaxed);
        // A client of TLS reads no plain answer: for it the connection is closed.
        if self.tls.is_none() {
            self.turn_away.refuse(socket);
        }
    }

    /// Serves a connection that begins with a header of the PROXY protocol.
    async fn serve_proxied(&self, mut socket: TcpStream, peer: SocketAddr, seat: Seat) {
        match tokio::time::timeout(PROXY_HEADER, read_header(&mut socket)).await {
            Ok(Ok(Some(source))) => match seat.of_client(source.ip()) {
                Some(seat) => self.serve_connection(socket, source, seat).await,
                None => self.refuse(socket),
            },
            Ok(Ok(None)) => self.serve_connection(socket, peer, seat).await,
            Ok(Err(error)) => tracing::warn!(%peer, %error, "a trusted proxy sent no header"),
            Err(_) => tracing::warn!(%peer, "a trusted proxy sent no header in time"),
        }
    }

    async fn serve_connection(&self, socket: TcpStream, peer: SocketAddr, seat: Seat) {
        // Answers are small and wait for nothing.
        let _ = socket.set_nodelay(true);
        let (last_request, cut) = self.seats.stops();
        let connection = Connection::new(self.limits.clone(), seat.peer.clone(), last_request.clone(), cut.clone())
            .sharing(self.seats.unsent.clone());
        let (socket, connection) = match &self.tls {
            None => (Transport::Plain(socket), connection),
            Some(tls) => match tls.accept(socket, &self.limits, &last_request).await {
                Some((socket, certificate)) => (socket, connection.over_tls(certificate)),
                None => return,
            },
        };
        let (connection, traffic) = (Arc::new(connection), self.border.traffic.clone());
        self.seats.connections.add(&connection);
        let streams = Streams::new(traffic.clone());
        let protocol = protocol(&self.limits, streams.clone());
        let shed = self.border.shed.clone();
        let socket = Socket::new(socket, connection.clone(), traffic, seat).with_refusals(Below::new(shed.clone()));
        let io = TokioIo::new(socket);
        let service = hyper::service::service_fn({
            let (connection, routes) = (connection.clone(), self.routes.clone());
            move |request| answer(request, peer, &connection, &streams, &shed, &routes)
        });
        let mut serving = pin!(protocol.serve_connection_with_upgrades(io, service));
        let (mut last_request, mut cut) = (pin!(last_request.requested()), pin!(cut.requested()));
        let (mut is_last, mut is_listening) = (false, false);
        poll_fn(|context| {
            connection.turn.begins();
            if serving.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            // The stops wake this task when they come: asking them for each request would cost more than much of the border.
            if is_listening && !connection.retires() && !self.seats.is_ending() {
                return Poll::Pending;
            }
            if !is_listening {
                connection.wake_when_it_retires(context.waker());
                is_listening = true;
            }
            if !is_last && (connection.retires() || last_request.as_mut().poll(context).is_ready()) {
                is_last = true;
                serving.as_mut().graceful_shutdown();
                if serving.as_mut().poll(context).is_ready() {
                    return Poll::Ready(());
                }
            }
            cut.as_mut().poll(context)
        })
        .await;
    }

    /// Lets every connection finish its requests, for at most `bound`; returns how many were cut.
    async fn finish(&self, bound: Duration) -> u64 {
        self.seats.drain();
        let emptied = tokio::time::timeout(bound, self.seats.emptied()).await;
        let left = if emptied.is_ok() { 0 } else { self.seats.open() };
        self.seats.cut();
        left
    }
}

/// Hyper's limits, a little wider than ours where ours answer with a problem document.
fn protocol(limits: &Limits, streams: Streams) -> auto::Builder<Streams> {
    let head_bytes = limits.header_bytes + limits.uri_bytes;
    let mut protocol = auto::Builder::new(streams);
    if limits.headers > HEADERS {
        protocol.http1().max_headers(limits.headers);
    }
    protocol
        .http1()
        .timer(TokioTimer::new())
        // The socket times the head: it can tell an idle connection from one that drips.
        .header_read_timeout(None)
        .max_buf_size((head_bytes * 4).max(64 * 1024));
    protocol
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(head_bytes * 2).unwrap_or(u32::MAX))
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(Some(256))
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(Duration::from_secs(10));
    protocol
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_failures_to_accept_one_in_a_while_is_logged_with_their_number() {
        let (mut failures, begun) = (AcceptFailures::default(), Instant::now());
        let told: Vec<Option<u64>> = (0..=100).map(|count| failures.told_now(begun + count * ACCEPT_PAUSE)).collect();
        assert_eq!((told[0], told[100]), (Some(1), Some(100)));
        assert!(told[1..100].iter().all(Option::is_none));
    }
}
