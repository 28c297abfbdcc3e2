//! Opening a connection to the target.

use std::net::{Ipv4Addr, SocketAddr};

#[cfg(feature = "tls")]
pub(super) use keel_wire::stream::Stream;
use tokio::net::{TcpSocket, TcpStream};

use crate::plan::Plan;

/// A connection to the target.
#[cfg(not(feature = "tls"))]
pub(super) type Stream = TcpStream;

/// How an attempt ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Refused,
    Reset,
    Broken,
}

/// Opens a connection to the target, from the worker's own address where the plan has several.
#[cfg(not(feature = "tls"))]
pub(super) async fn connect(plan: &Plan, number: usize) -> Result<Stream, Failure> {
    connect_tcp(plan, number).await
}

/// The same, over TLS where the target's URL says so, or to a Unix socket.
#[cfg(feature = "tls")]
pub(super) async fn connect(plan: &Plan, number: usize) -> Result<Stream, Failure> {
    use keel_wire::tls::Protocol::{Http1, Http2};

    if let Some(path) = keel_wire::endpoint::unix_path(&plan.target) {
        let stream = tokio::net::UnixStream::connect(path).await.map_err(|_| Failure::Refused)?;
        return Ok(Stream::Unix(stream));
    }
    let stream = connect_tcp(plan, number).await?;
    if plan.target.scheme() != "https" {
        return Ok(Stream::Tcp(stream));
    }
    let protocol = if plan.protocol == crate::plan::Protocol::Http1 { Http1 } else { Http2 };
    let host = plan.target.host_str().unwrap_or("localhost");
    // The plan was checked: something is trusted.
    let tls = plan.trust.as_ref().and_then(|trust| trust.to(host, protocol).ok()).ok_or(Failure::Refused)?;
    let stream = tls.over(stream).await.map_err(|_| Failure::Refused)?;
    Ok(Stream::Tls(Box::new(stream)))
}

async fn connect_tcp(plan: &Plan, number: usize) -> Result<TcpStream, Failure> {
    let host = plan.target.host_str().unwrap_or("127.0.0.1").trim_matches(['[', ']']);
    let port = plan.target.port_or_known_default().unwrap_or(80);
    let address = match host.parse() {
        Ok(address) => SocketAddr::new(address, port),
        Err(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
    };
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = socket.map_err(|_| Failure::Refused)?;
    if let (1.., SocketAddr::V4(_)) = (plan.sources, address) {
        let place = u32::try_from(number).unwrap_or(0) % plan.sources;
        let source = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 1, 1)) + place);
        socket.bind(SocketAddr::from((source, 0))).map_err(|_| Failure::Refused)?;
    }
    let stream = socket.connect(address).await.map_err(|_| Failure::Refused)?;
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Whether a connection on which nothing is asked has ended. Costs no system call while nothing has happened on it.
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
