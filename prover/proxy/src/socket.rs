//! Addresses and sockets of TCP and of the file system.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket as RawSocket, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// The queue of connections not yet accepted.
const BACKLOG: i32 = 1024;
/// The prefix that marks the path of a Unix socket among addresses.
const UNIX: &str = "unix:";

/// Either end of a connection.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Connects to `host:port` or `unix:PATH`.
    pub(super) async fn connect(address: &str) -> io::Result<Self> {
        match unix_path(address) {
            Some(path) => Ok(Self::Unix(UnixStream::connect(path).await?)),
            None => {
                let stream = TcpStream::connect(address).await?;
                let _ = stream.set_nodelay(true);
                Ok(Self::Tcp(stream))
            }
        }
    }

    pub(super) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.readable().await,
            Self::Unix(stream) => stream.readable().await,
        }
    }

    pub(super) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.writable().await,
            Self::Unix(stream) => stream.writable().await,
        }
    }

    pub(super) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read(buffer),
            Self::Unix(stream) => stream.try_read(buffer),
        }
    }

    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        }
    }

    /// Writes all of it.
    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.writable().await?;
            match self.try_write(bytes) {
                Ok(length) => bytes = &bytes[length..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Says that nothing more will be written.
    pub(super) fn finish(&self) {
        let _ = socket2::SockRef::from(self).shutdown(std::net::Shutdown::Write);
    }

    /// Sets the effect of a drop: a reset that discards unsent bytes, or an orderly close.
    pub(super) fn reset_on_drop(&self, reset: bool) {
        if let Self::Tcp(_) = self {
            let _ = socket2::SockRef::from(self).set_linger(reset.then_some(Duration::ZERO));
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

/// Listener of a proxy. The file of a Unix socket is removed with it.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// Removes the file when it is dropped.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Listens on `host:port`, `:port`, `unix:PATH`, or for the empty text on any port of every address.
    pub(super) async fn bind(address: &str) -> Result<Self, ListenError> {
        match unix_path(address) {
            Some(path) => bind_unix(path).map_err(|error| ListenError::new("unix", &path.to_string_lossy(), &error)),
            None => {
                let address = resolve(address)
                    .await
                    .map_err(|ListenError(reason)| ListenError(format!("listen tcp: {reason}")))?;
                let listen = || {
                    let socket = raw(address)?;
                    socket.set_reuse_address(true)?;
                    socket.bind(&address.into())?;
                    socket.listen(BACKLOG)?;
                    TcpListener::from_std(socket.into())
                };
                listen().map(Self::Tcp).map_err(|error| ListenError::new("tcp", &go_address(address), &error))
            }
        }
    }

    /// Returns the address in the form in which it is configured.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(go_address).unwrap_or_default(),
            Self::Unix(_, file) => format!("{UNIX}{}", file.0.display()),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                let _ = stream.set_nodelay(true);
                Ok(Socket::Tcp(stream))
            }
            Self::Unix(listener, _) => Ok(Socket::Unix(listener.accept().await?.0)),
        }
    }
}

/// A port that is ours whether we listen on it or not.
///
/// A socket is bound to it that never listens, and shares it with those that do; on Linux only those that listen get
/// connections. Not `SO_REUSEADDR`: with it anybody who sets it too could take the port while none of ours listens.
#[derive(Debug)]
pub(super) struct Reservation {
    _socket: RawSocket,
    address: SocketAddr,
}

impl Reservation {
    /// Some port of the loopback.
    pub(super) fn make() -> io::Result<Self> {
        Self::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// This address; port 0 is some port of it.
    pub(super) fn at(address: SocketAddr) -> io::Result<Self> {
        let socket = Self::shared(address)?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { _socket: socket, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn listen(&self) -> io::Result<Listener> {
        let socket = Self::shared(self.address)?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into()).map(Listener::Tcp)
    }

    fn shared(address: SocketAddr) -> io::Result<RawSocket> {
        let socket = raw(address)?;
        socket.set_reuse_port(true)?;
        socket.bind(&address.into())?;
        Ok(socket)
    }
}

fn raw(address: SocketAddr) -> io::Result<RawSocket> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    Ok(socket)
}

/// Why nothing listens there, in the words of Toxiproxy's errors, which clients show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ListenError(String);

impl ListenError {
    fn new(network: &str, address: &str, error: &io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::AddrInUse => "address already in use".to_owned(),
            io::ErrorKind::AddrNotAvailable => "cannot assign requested address".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        Self(format!("listen {network} {address}: bind: {reason}"))
    }
}

impl From<io::Error> for ListenError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// The address as text that compares: resolved, where it is a host and a port.
pub(super) async fn canonical(address: &str) -> Result<String, ListenError> {
    match unix_path(address) {
        Some(path) => Ok(format!("{UNIX}{}", path.display())),
        None => resolve(address).await.map(go_address),
    }
}

async fn resolve(address: &str) -> Result<SocketAddr, ListenError> {
    if address.is_empty() {
        return Ok((Ipv6Addr::UNSPECIFIED, 0).into());
    }
    let Some((host, port)) = address.rsplit_once(':') else {
        return Err(ListenError(format!("address {address}: missing port in address")));
    };
    let Ok(port) = port.parse::<u16>() else {
        return Err(ListenError(format!("address {address}: {port} is not a port")));
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() {
        return Ok((Ipv6Addr::UNSPECIFIED, port).into());
    }
    let found: Vec<SocketAddr> = match tokio::net::lookup_host((host, port)).await {
        Ok(found) => found.collect(),
        Err(_) => return Err(ListenError(format!("lookup {host}: no such host"))),
    };
    // As Go chooses: the first of IPv4, then of IPv6.
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| ListenError(format!("lookup {host}: no such host")))
}

/// As Go writes it.
fn go_address(address: SocketAddr) -> String {
    address.to_string()
}

fn bind_unix(path: &Path) -> io::Result<Listener> {
    // A file that a killed process left is in the way; a socket that somebody listens on is not to be taken.
    if path.exists() && std::os::unix::net::UnixStream::connect(path).is_err_and(|error| refused(&error)) {
        std::fs::remove_file(path)?;
    }
    Ok(Listener::Unix(UnixListener::bind(path)?, SocketFile(path.to_owned())))
}

fn refused(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
}

/// The path of `unix:PATH` and `unix://PATH`.
fn unix_path(address: &str) -> Option<&Path> {
    let path = address.strip_prefix(UNIX)?;
    Some(Path::new(path.strip_prefix("//").unwrap_or(path)))
}
