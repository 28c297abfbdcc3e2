//! A fault proxy that stands in front of a dependency.

mod link;
mod request;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use self::link::Link;

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

/// The most connections at a time; further ones wait in the listener's queue.
pub const MAX_CONNECTIONS: usize = 1024;

/// The queue of connections not yet accepted.
const BACKLOG: i32 = 1024;
/// After a failure to accept or to listen (no descriptors), until the next attempt.
const BREATH: Duration = Duration::from_millis(10);
/// The longest that [`FaultProxy::set`] waits until the change is in force.
const SET_PATIENCE: Duration = Duration::from_secs(5);

/// A TCP proxy on a loopback port of its own, in front of one upstream. Dropping it closes everything.
///
/// Its port stays its own while it is [`Fault::Down`]: a second socket is bound to it that never listens.
#[derive(Debug)]
pub struct FaultProxy {
    upstream: String,
    address: SocketAddr,
    wanted: watch::Sender<Wanted>,
    /// The number of the change that is in force.
    in_force: watch::Receiver<u64>,
    traffic: Traffic,
    accepting: JoinHandle<()>,
}

/// What has come from clients so far. Cheap to clone.
#[derive(Clone, Debug, Default)]
struct Traffic {
    connections: Arc<AtomicU64>,
    heard: Arc<AtomicU64>,
}

/// What is to be done, and the how-manieth change this is.
#[derive(Clone, Debug)]
struct Wanted {
    change: u64,
    fault: Fault,
}

impl FaultProxy {
    /// Starts it in front of `upstream` (`host:port`). Nothing is sent there before a connection comes.
    ///
    /// # Errors
    /// When no loopback port can be had.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start(upstream: String) -> std::io::Result<Self> {
        let reserved = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let address = reserved.local_addr()?.as_socket().ok_or(std::io::ErrorKind::AddrNotAvailable)?;
        let listener = listen(address)?;
        let (wanted, faults) = watch::channel(Wanted { change: 0, fault: Fault::None });
        let (applied, in_force) = watch::channel(0);
        let traffic = Traffic::default();
        let door = Door {
            _reserved: reserved,
            address,
            upstream: upstream.clone(),
            faults,
            applied,
            traffic: traffic.clone(),
        };
        let accepting = tokio::spawn(door.keep(listener));
        Ok(Self { upstream, address, wanted, in_force, traffic, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it stands in front of.
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// Changes what it does, from now on. On return the change is in force: with [`Fault::Down`] the listener is closed and
    /// every connection is reset, after it the listener is open again.
    pub async fn set(&self, fault: Fault) {
        let mut change = 0;
        self.wanted.send_modify(|wanted| {
            wanted.change += 1;
            wanted.fault = fault;
            change = wanted.change;
        });
        let mut in_force = self.in_force.clone();
        let applied = in_force.wait_for(|applied| *applied >= change);
        // Late only when the machine is out of descriptors; the change then still comes into force as soon as it can.
        let _ = tokio::time::timeout(SET_PATIENCE, applied).await;
    }

    /// What it does now.
    pub fn fault(&self) -> Fault {
        self.wanted.borrow().fault.clone()
    }

    /// Connections accepted since the start.
    pub fn connections(&self) -> u64 {
        self.traffic.connections.load(Ordering::Relaxed)
    }

    /// Bytes that clients have sent since the start, whether they were passed on or not.
    pub fn heard(&self) -> u64 {
        self.traffic.heard.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Opens and closes the listener, and owns every connection.
struct Door {
    _reserved: Socket,
    address: SocketAddr,
    upstream: String,
    faults: watch::Receiver<Wanted>,
    applied: watch::Sender<u64>,
    traffic: Traffic,
}

impl Door {
    async fn keep(mut self, listener: TcpListener) {
        let mut listener = Some(listener);
        let mut links = JoinSet::new();
        loop {
            let Wanted { change, fault } = self.faults.borrow_and_update().clone();
            if fault == Fault::Down {
                listener = None;
                // Each ends with a reset, see Link.
                links.shutdown().await;
            } else if listener.is_none() {
                match listen(self.address) {
                    Ok(open) => listener = Some(open),
                    Err(_) => {
                        tokio::time::sleep(BREATH).await;
                        continue;
                    }
                }
            }
            self.applied.send_replace(change);
            tokio::select! {
                changed = self.faults.changed() => if changed.is_err() { return },
                Some(_) = links.join_next() => {}
                accepted = accept(listener.as_ref()), if links.len() < MAX_CONNECTIONS => match accepted {
                    Ok(client) => {
                        self.traffic.connections.fetch_add(1, Ordering::Relaxed);
                        let heard = Arc::clone(&self.traffic.heard);
                        links.spawn(Link::new(self.upstream.clone(), self.faults.clone(), heard).serve(client));
                    }
                    Err(_) => tokio::time::sleep(BREATH).await,
                },
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> std::io::Result<TcpStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => std::future::pending().await,
    }
}

/// A socket that shares its port with others of ours; on Linux only those that listen get connections. Not
/// `SO_REUSEADDR`: with it anybody who sets it too could take the port while none of ours listens.
fn bound(address: SocketAddr) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = bound(address)?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
