//! Accepts connections, bounds them, and lets them finish.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use supervision::{Stop, StopSource};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;
use tower::Service;

use crate::admission::Neighbours;
use crate::connection::{Busy, Connection};
use crate::path::{Border, Inner};
use crate::patience::Patient;

/// Wait after a failed accept (no descriptors left, mostly), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections of the backlog that are still taken when the listener ends.
const LAST_ACCEPTS: usize = 4096;
/// Connections that the kernel may queue.
const BACKLOG: u32 = 1024;
/// A refused connection is told why, then closed.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
    Content-Type: application/problem+json\r\nContent-Length: 77\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"detail\":\"\"}";

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
        Ok(Listener { tcp: Mutex::new(Some(Arc::new(tcp))), address, border, serving: OnceLock::new() })
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
        socket.bind(address)?;
        let address = socket.local_addr()?;
        Ok(Reserved { socket, address, border })
    }

    /// Binds `address` and listens; port 0 takes a free one.
    ///
    /// # Errors
    /// The operating system's, such as an address in use.
    pub async fn bind(address: SocketAddr, border: Border) -> io::Result<Self> {
        Self::reserve(address, border)?.listen()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `routes` until `stop`, then closes the socket and lets requests in flight finish for at most `bound`.
    ///
    /// Returns how many connections were still open then; those that were not upgraded are cut. Dropping the future, or a panic in it, leaves
    /// the socket listening and open connections served: call it again to go on accepting. The routes are those of the first call.
    pub async fn serve(&self, routes: Router, stop: Stop, bound: Duration) -> u64 {
        let serving = self.serving.get_or_init(|| Arc::new(Serving::new(self.border.inner.clone(), routes)));
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

/// Accepts connections until `stop`, and those that are in the queue then: they connected before the end.
async fn accept(tcp: &TcpListener, serving: &Arc<Serving>, stop: &Stop) {
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => break,
            accepted = tcp.accept() => match accepted {
                Ok((socket, peer)) => Serving::take(serving, socket, peer),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections; trying again");
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

/// An error that tells of one peer, not of us.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// What all connections of a listener share.
#[derive(Debug)]
struct Serving {
    border: Arc<Inner>,
    routes: Router,
    protocol: auto::Builder<TokioExecutor>,
    per_address: Mutex<HashMap<IpAddr, Address>>,
    open: AtomicU64,
    ended: tokio::sync::Notify,
    last_request: StopSource,
    cut: StopSource,
}

impl Serving {
    fn new(border: Arc<Inner>, routes: Router) -> Self {
        Self {
            protocol: protocol(&border),
            border,
            routes,
            per_address: Mutex::default(),
            open: AtomicU64::new(0),
            ended: tokio::sync::Notify::new(),
            last_request: StopSource::new(),
            cut: StopSource::new(),
        }
    }

    /// Serves one connection in a task of its own, or refuses it.
    fn take(serving: &Arc<Self>, socket: TcpStream, peer: SocketAddr) {
        let Some(seat) = Seat::take(serving, peer.ip()) else {
            serving.border.traffic.refused.fetch_add(1, Ordering::Relaxed);
            // Best effort: the socket's empty buffer takes it, or the peer sees a close.
            if let Ok(mut socket) = socket.into_std() {
                let _ = io::Write::write(&mut socket, REFUSAL);
            }
            return;
        };
        serving.border.traffic.accepted.fetch_add(1, Ordering::Relaxed);
        let serving = serving.clone();
        tokio::spawn(async move { serving.serve_connection(socket, peer, seat).await });
    }

    async fn serve_connection(&self, socket: TcpStream, peer: SocketAddr, seat: Seat) {
        // Answers are small and wait for nothing.
        let _ = socket.set_nodelay(true);
        let connection = Connection::new(seat.neighbours.clone());
        // The socket keeps the seat: a connection that was upgraded counts until its handler drops it.
        let io = TokioIo::new(Patient::new(socket, connection.clone(), &self.border.limits).keeping(seat));
        let routes = self.routes.clone();
        let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            let busy = connection.begin();
            let mut request: Request = request.map(axum::body::Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(connection.clone());
            let answer = routes.clone().call(request);
            async move {
                let response = answer.await?;
                Ok::<_, std::convert::Infallible>(busy_until_streamed(response, busy))
            }
        });
        let mut serving = std::pin::pin!(self.protocol.serve_connection_with_upgrades(io, service));
        let (last_request, cut) = (self.last_request.listen(), self.cut.listen());
        tokio::select! {
            biased;
            _ = serving.as_mut() => return,
            () = last_request.requested() => serving.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            _ = serving.as_mut() => {}
            () = cut.requested() => {}
        }
    }

    /// Lets every connection finish its request, for at most `bound`; returns how many were cut.
    async fn finish(&self, bound: Duration) -> u64 {
        self.last_request.request();
        let until = Instant::now() + bound;
        loop {
            let ended = self.ended.notified();
            if self.open.load(Ordering::Acquire) == 0 {
                return 0;
            }
            if tokio::time::timeout_at(until, ended).await.is_err() {
                break;
            }
        }
        self.cut.request();
        self.open.load(Ordering::Acquire)
    }
}

/// An answer that streams keeps its connection busy until its end, however silent it is in between.
fn busy_until_streamed(response: Response, busy: Busy) -> Response {
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _until_dropped = &busy;
            frame
        }))
    })
}

/// Hyper's limits, a little wider than ours where ours answer with a problem document.
fn protocol(border: &Inner) -> auto::Builder<TokioExecutor> {
    let limits = &border.limits;
    let head_bytes = limits.header_bytes + limits.uri_bytes;
    let mut protocol = auto::Builder::new(TokioExecutor::new());
    protocol
        .http1()
        .timer(TokioTimer::new())
        // `Patient` times the head, and knows an idle connection from one that drips.
        .header_read_timeout(None)
        .max_headers(limits.headers * 4)
        .max_buf_size((head_bytes * 4).max(64 * 1024));
    protocol
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(head_bytes * 2).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(Some(256))
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(Duration::from_secs(10));
    protocol
}

/// What is open for one address.
#[derive(Debug, Default)]
struct Address {
    connections: usize,
    requests: Neighbours,
}

/// A connection's place under the bounds, given back by drop.
struct Seat {
    serving: Arc<Serving>,
    address: IpAddr,
    neighbours: Neighbours,
}

impl Seat {
    fn take(serving: &Arc<Serving>, address: IpAddr) -> Option<Self> {
        let limits = &serving.border.limits;
        let open = serving.open.fetch_add(1, Ordering::AcqRel);
        serving.border.traffic.connections.fetch_add(1, Ordering::Relaxed);
        let mut per_address = serving.per_address.lock().unwrap_or_else(PoisonError::into_inner);
        let same = per_address.entry(address).or_default();
        same.connections += 1;
        let over = open >= limits.connections as u64 || same.connections > limits.connections_per_address;
        let neighbours = same.requests.clone();
        drop(per_address);
        let seat = Self { serving: serving.clone(), address, neighbours };
        (!over).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let serving = &self.serving;
        let mut per_address = serving.per_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = per_address.get_mut(&self.address) {
            same.connections -= 1;
            // Requests end before their connection does, or are dropped with it: nobody else has this count any more.
            if same.connections == 0 {
                per_address.remove(&self.address);
            }
        }
        drop(per_address);
        serving.border.traffic.connections.fetch_sub(1, Ordering::Relaxed);
        serving.open.fetch_sub(1, Ordering::AcqRel);
        serving.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_refusal_of_a_connection_is_a_whole_answer() {
        let text = std::str::from_utf8(super::REFUSAL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
    }
}
