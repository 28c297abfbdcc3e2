//! Connector: resolves the name, dials its addresses, and lets the kernel detect dead peers.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tower::{BoxError, Service};

use crate::happy_eyeballs;
use crate::resolver::Resolver;

/// Bytes that are sent and not acknowledged for this long end the connection (`TCP_USER_TIMEOUT`).
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);
/// An idle connection is probed after this long, then at this interval, and ends after three probes without an answer.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5)).with_retries(3);

/// Dial target, when it differs from the host and port of the URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Dial {
    /// A name, an address, or a name with a dot at its end, for which no search list is used.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Makes TCP connections.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    pub(crate) resolver: Resolver,
    /// Timeout of a connection, TLS included.
    pub(crate) bound: Duration,
    pub(crate) dial: Option<Dial>,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Self { resolver, bound, dial } = self.clone();
        Box::pin(async move {
            let Dial { host, port } = dial.unwrap_or_else(|| target(&uri));
            let addresses = resolver.lookup(&host, port).await?;
            Ok(TokioIo::new(happy_eyeballs::connect(addresses, bound, open).await?))
        })
    }
}

fn target(uri: &Uri) -> Dial {
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    Dial { host: uri.host().unwrap_or_default().to_owned(), port }
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&KEEPALIVE)?;
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_is_probed_and_has_a_bound_on_unacknowledged_bytes() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let stream = open(listener.local_addr().expect("an address")).await.expect("a connection");
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().expect("an option") && stream.nodelay().expect("an option"));
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_user_timeout().expect("an option"), Some(UNACKNOWLEDGED));
    }
}
