//! A fault proxy that stands in front of a dependency.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// Connections served at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 1024;
/// The most of a request that is read before a fault answers it, in bytes.
const MAX_REQUEST: usize = 64 * 1024;
/// For the connection to the upstream.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What the proxy does with connections, those open already included.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Passes everything on.
    None,
    /// Refuses connections (the listener is closed; open connections are reset).
    Down,
    /// Accepts and reads, never answers.
    Hang,
    /// Holds every answer back for so long.
    Latency(Duration),
    /// Passes the answer on a few bytes at a time.
    Drip {
        /// Bytes at a time.
        bytes: usize,
        /// Between two pieces.
        every: Duration,
    },
    /// Resets the connection after the request has been read.
    Reset,
    /// Answers with bytes that are not the protocol.
    Garbage,
    /// Passes so many bytes of the answer on, then closes.
    Truncate(usize),
    /// Answers 500 itself, as HTTP.
    ServerError,
    /// Answers 200 with JSON content type and a body that never ends (as fast as the peer reads), as HTTP.
    Endless,
    /// Passes the request on, waits for the upstream's answer, and closes without giving it.
    LostAnswer,
}

/// A TCP proxy on a loopback port of its own, in front of one upstream. Dropping it closes everything.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    /// The fault that the accept loop acts on.
    seen: watch::Receiver<Fault>,
    accepted: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// Starts it in front of `upstream` (`host:port`).
    ///
    /// # Errors
    /// When no loopback port can be had.
    pub async fn start(upstream: String) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let fault = watch::Sender::new(Fault::None);
        let (tell_seen, seen) = watch::channel(Fault::None);
        let accepted = Arc::new(AtomicU64::new(0));
        let task =
            tokio::spawn(accept_loop(listener, address, upstream, fault.subscribe(), tell_seen, accepted.clone()));
        Ok(Self { address, fault, seen, accepted, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what it does; returns when new connections meet the change (or after two seconds).
    pub async fn set(&self, fault: Fault) {
        self.fault.send_replace(fault.clone());
        let mut seen = self.seen.clone();
        let _ = tokio::time::timeout(Duration::from_secs(2), seen.wait_for(|seen| *seen == fault)).await;
    }

    /// Connections accepted since the start.
    pub fn connections(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept_loop(
    listener: TcpListener,
    address: SocketAddr,
    upstream: String,
    mut fault: watch::Receiver<Fault>,
    seen: watch::Sender<Fault>,
    accepted: Arc<AtomicU64>,
) {
    let mut listener = Some(listener);
    // Ends with this loop, and every connection with it.
    let mut connections = tokio::task::JoinSet::new();
    let seats = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let now = fault.borrow_and_update().clone();
        match (&now, &listener) {
            (Fault::Down, Some(_)) => {
                listener = None;
                connections.abort_all();
            }
            (Fault::Down, None) | (_, Some(_)) => {}
            (_, None) => listener = rebind(address).await,
        }
        seen.send_replace(now);
        while connections.try_join_next().is_some() {}
        let Some(open) = &listener else {
            if fault.changed().await.is_err() {
                return;
            }
            continue;
        };
        tokio::select! {
            changed = fault.changed() => if changed.is_err() { return },
            socket = accept_one(open, &seats) => if let Some((socket, seat)) = socket {
                accepted.fetch_add(1, Ordering::Relaxed);
                let (upstream, fault) = (upstream.clone(), fault.clone());
                connections.spawn(async move {
                    let _seat = seat;
                    serve(socket, upstream, fault).await;
                });
            },
        }
    }
}

async fn accept_one(
    listener: &TcpListener,
    seats: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let seat = seats.clone().acquire_owned().await.ok()?;
    let (socket, _) = listener.accept().await.ok()?;
    let _ = socket.set_nodelay(true);
    Some((socket, seat))
}

/// Takes the same port again. Connections that were reset leave nothing behind that could hold it.
async fn rebind(address: SocketAddr) -> Option<TcpListener> {
    for _ in 0..100 {
        let socket = TcpSocket::new_v4().ok()?;
        socket.set_reuseaddr(true).ok()?;
        if socket.bind(address).is_ok() {
            return socket.listen(1024).ok();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    None
}

/// Serves one connection under whatever fault is set, until it ends or the fault changes what can be done with it.
async fn serve(mut socket: TcpStream, upstream: String, mut fault: watch::Receiver<Fault>) {
    let now = fault.borrow_and_update().clone();
    match now {
        Fault::Down | Fault::Reset => {
            if now == Fault::Reset {
                read_request(&mut socket).await;
            }
            let _ = socket.set_zero_linger();
        }
        Fault::Hang => until_changed(&mut fault, swallow(&mut socket)).await,
        Fault::Garbage => {
            read_request(&mut socket).await;
            let noise: Vec<u8> = (0..512u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
            let _ = socket.write_all(&noise).await;
        }
        Fault::ServerError => {
            read_request(&mut socket).await;
            let _ = socket
                .write_all(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\nConnection: close\r\n\r\nerror")
                .await;
        }
        Fault::Endless => {
            read_request(&mut socket).await;
            until_changed(&mut fault, endless(&mut socket)).await;
        }
        Fault::None | Fault::Latency(_) | Fault::Drip { .. } | Fault::Truncate(_) | Fault::LostAnswer => {
            pass(socket, &upstream, fault).await;
        }
    }
}

async fn until_changed(fault: &mut watch::Receiver<Fault>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        _ = fault.changed() => {}
    }
}

/// Reads and throws away until the peer closes.
async fn swallow(socket: &mut TcpStream) {
    let mut sink = vec![0; 16 * 1024];
    while socket.read(&mut sink).await.is_ok_and(|count| count > 0) {}
}

/// Reads what looks like the head of a request, or what comes first of another protocol.
async fn read_request(socket: &mut TcpStream) {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    while request.len() < MAX_REQUEST && !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match socket.read(&mut piece).await {
            Ok(count) if count > 0 => request.extend_from_slice(&piece[..count]),
            _ => return,
        }
        let looks_like_http = request.first().is_some_and(u8::is_ascii_uppercase);
        if !looks_like_http {
            return;
        }
    }
}

async fn endless(socket: &mut TcpStream) {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[";
    let piece = b"\"endless\",".repeat(1600);
    let mut sent = socket.write_all(head).await;
    while sent.is_ok() {
        sent = socket.write_all(&piece).await;
    }
}

/// Passes both directions on, with the fault applied to the answers.
async fn pass(socket: TcpStream, upstream: &str, mut fault: watch::Receiver<Fault>) {
    let Ok(Ok(other)) = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(upstream)).await else {
        let _ = socket.set_zero_linger();
        return;
    };
    let _ = other.set_nodelay(true);
    let (mut from_client, mut to_client) = socket.into_split();
    let (mut from_upstream, mut to_upstream) = other.into_split();
    let requests = async {
        let _ = tokio::io::copy(&mut from_client, &mut to_upstream).await;
        let _ = to_upstream.shutdown().await;
    };
    let answers = async {
        let (mut piece, mut passed) = (vec![0; 64 * 1024], 0);
        loop {
            let Ok(count) = from_upstream.read(&mut piece).await else { return };
            if count == 0 {
                let _ = to_client.shutdown().await;
                return;
            }
            let now = fault.borrow_and_update().clone();
            if !answer_under(now, &piece[..count], &mut passed, &mut to_client).await {
                return;
            }
        }
    };
    tokio::select! {
        () = async { tokio::join!(requests, std::future::pending::<()>()); } => {}
        () = answers => {}
    }
}

/// Passes a piece of an answer on under a fault; false when the connection is over.
async fn answer_under(
    fault: Fault,
    piece: &[u8],
    passed: &mut usize,
    to_client: &mut tokio::net::tcp::OwnedWriteHalf,
) -> bool {
    match fault {
        Fault::None => to_client.write_all(piece).await.is_ok(),
        Fault::Latency(wait) => {
            tokio::time::sleep(wait).await;
            to_client.write_all(piece).await.is_ok()
        }
        Fault::Drip { bytes, every } => {
            for crumb in piece.chunks(bytes.max(1)) {
                if to_client.write_all(crumb).await.is_err() {
                    return false;
                }
                tokio::time::sleep(every).await;
            }
            true
        }
        Fault::Truncate(bound) => {
            let room = bound.saturating_sub(*passed).min(piece.len());
            *passed += room;
            to_client.write_all(&piece[..room]).await.is_ok() && *passed < bound
        }
        // The other faults do not let an answer through.
        _ => false,
    }
}
