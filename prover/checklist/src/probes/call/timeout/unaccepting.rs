//! A port that accepts no connection: attempts stay unanswered, as with a machine that is gone.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that fill the queue; a queue of length 0 holds one or two.
const MOST: usize = 16;
/// After so long one is not going to be taken.
const NOT_TAKEN: Duration = Duration::from_millis(100);

/// Keeps the queue of a listener full that accepts nothing, until it is dropped.
#[derive(Debug)]
pub(super) struct Unaccepting {
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl Unaccepting {
    /// Binds an address on which nothing listens; an existing binding is shared.
    ///
    /// # Errors
    /// When it cannot listen there, or the system takes connections all the same.
    pub(super) async fn at(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseport(true)?;
        socket.bind(address)?;
        let listener = socket.listen(0)?;
        let mut queued = Vec::new();
        while queued.len() < MOST {
            match tokio::time::timeout(NOT_TAKEN, TcpStream::connect(address)).await {
                Ok(taken) => queued.push(taken?),
                Err(_) => return Ok(Self { _listener: listener, _queued: queued }),
            }
        }
        Err(io::Error::other(format!("{MOST} connections were taken although no program accepts them")))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use keel_proxy::{Fault, FaultProxy};

    use super::*;
    use crate::probes::support::sockets;

    #[tokio::test]
    async fn a_connection_to_it_is_begun_and_not_taken() {
        let proxy = FaultProxy::start("127.0.0.1:9".to_owned()).await.unwrap();
        proxy.set(Fault::Down).await;
        let (address, port) = (proxy.address(), proxy.address().port());
        let unaccepting = Unaccepting::at(address).await.unwrap();
        let before = sockets::connecting_to(port).await;
        let connecting = tokio::spawn(TcpStream::connect(address));
        while sockets::connecting_to(port).await.difference(&before).count() == 0 {
            assert!(!connecting.is_finished(), "it is neither taken nor refused");
            tokio::task::yield_now().await;
        }
        connecting.abort();
        drop(unaccepting);
    }
}
