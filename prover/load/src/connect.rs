//! Opening connections to the target.

use std::cell::Cell;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

#[cfg(feature = "tls")]
pub(super) use keel_wire::stream::Stream;
use tokio::net::{TcpSocket, TcpStream};
use url::Host;

use crate::plan::Plan;

/// A connection to the target.
#[cfg(not(feature = "tls"))]
pub(super) type Stream = TcpStream;

/// End of an attempt without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Refused,
    Reset,
    /// The bytes that came are no answer, for this reason.
    Broken(&'static str),
}

/// The target's addresses: all that its name has, tried in turn.
#[derive(Debug)]
pub(super) struct Peer {
    addresses: Vec<SocketAddr>,
    /// The place of the address that answered last: it is tried first.
    preferred: Cell<usize>,
    sources: u32,
    /// The time limit of a connection to one address.
    patience: Duration,
    /// The protocol on the connection.
    #[cfg(feature = "tls")]
    transport: Transport,
}

/// Protocol on a connection.
#[cfg(feature = "tls")]
#[derive(Debug)]
enum Transport {
    Plain,
    Tls(keel_wire::tls::Tls),
    Unix(std::path::PathBuf),
}

impl Peer {
    /// Looks the target up, once for the whole run: only addresses of this machine are kept. Connections come from as many
    /// source addresses where the target's is IPv4.
    pub(super) async fn of(plan: &Plan) -> Self {
        let (target, sources, timeout) = (&plan.target, plan.sources, plan.timeout);
        let port = target.port_or_known_default().unwrap_or(80);
        let addresses = match target.host() {
            Some(Host::Ipv4(address)) => vec![SocketAddr::from((address, port))],
            Some(Host::Ipv6(address)) => vec![SocketAddr::from((address, port))],
            Some(Host::Domain(name)) => local(name, port).await,
            None => Vec::new(),
        };
        let share = u32::try_from(addresses.len().max(1)).unwrap_or(1);
        Self {
            addresses,
            preferred: Cell::new(0),
            sources,
            patience: timeout / share,
            #[cfg(feature = "tls")]
            transport: Transport::of(plan),
        }
    }

    /// Opens a connection for the worker of this number.
    #[cfg(not(feature = "tls"))]
    pub(super) async fn connect(&self, number: usize) -> Result<Stream, Failure> {
        self.connect_tcp(number).await
    }

    /// The same, over TLS where the target's URL says so, or to a Unix socket.
    #[cfg(feature = "tls")]
    pub(super) async fn connect(&self, number: usize) -> Result<Stream, Failure> {
        match &self.transport {
            Transport::Plain => Ok(Stream::Tcp(self.connect_tcp(number).await?)),
            Transport::Tls(tls) => {
                let stream = tls.over(self.connect_tcp(number).await?).await.map_err(|_| Failure::Refused)?;
                Ok(Stream::Tls(Box::new(stream)))
            }
            Transport::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await.map_err(|_| Failure::Refused)?;
                Ok(Stream::Unix(stream))
            }
        }
    }

    /// Opens a TCP connection to the first address that takes it.
    async fn connect_tcp(&self, number: usize) -> Result<TcpStream, Failure> {
        let count = self.addresses.len();
        for place in (0..count).map(|at| (self.preferred.get() + at) % count) {
            let opening = tokio::time::timeout(self.patience, self.open(self.addresses[place], number));
            if let Ok(Ok(stream)) = opening.await {
                self.preferred.set(place);
                return Ok(stream);
            }
        }
        Err(Failure::Refused)
    }

    async fn open(&self, address: SocketAddr, number: usize) -> std::io::Result<TcpStream> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if let (1.., SocketAddr::V4(_)) = (self.sources, address) {
            let place = u32::try_from(number).unwrap_or(0) % self.sources;
            let source = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 1, 1)) + place);
            socket.bind(SocketAddr::from((source, 0)))?;
        }
        let stream = socket.connect(address).await?;
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

/// The loopback addresses of a name, with those that `localhost` stands for (RFC 6761, section 6.3). IPv4 comes first: only
/// there can source addresses be chosen.
async fn local(name: &str, port: u16) -> Vec<SocketAddr> {
    let found = tokio::net::lookup_host((name, port)).await;
    let mut addresses: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
    addresses.retain(|address| address.ip().is_loopback());
    for address in [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))] {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses.sort_by_key(|address| !address.is_ipv4());
    addresses
}

#[cfg(feature = "tls")]
impl Transport {
    fn of(plan: &Plan) -> Self {
        use keel_wire::tls::Protocol::{Http1, Http2};

        if let Some(path) = keel_wire::endpoint::unix_path(&plan.target) {
            return Self::Unix(path);
        }
        let trust = plan.trust.as_ref().filter(|_| plan.target.scheme() == "https");
        let protocol = if plan.protocol == crate::plan::Protocol::Http1 { Http1 } else { Http2 };
        let host = plan.target.host_str().unwrap_or("localhost");
        // The plan was checked: over TLS something is trusted, and the host of a URL is a name.
        trust.and_then(|trust| trust.to(host, protocol).ok()).map_or(Self::Plain, Self::Tls)
    }
}

/// Returns true if an idle connection has ended. Costs no system call while nothing has happened on it.
#[cfg(feature = "tls")]
pub(super) fn is_over(stream: &mut Stream) -> bool {
    // What comes unasked is no answer to what will be asked.
    stream.read_now(&mut [0; 1]).is_some()
}

/// The same without TLS.
#[cfg(not(feature = "tls"))]
pub(super) fn is_over(stream: &mut Stream) -> bool {
    !stream.try_read(&mut [0; 1]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}
