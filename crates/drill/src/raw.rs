//! A bare TCP connection for what no well-behaved client would send.

use std::net::SocketAddr;
use std::time::Duration;

/// A bare TCP connection.
#[derive(Debug)]
pub struct RawConnection {
    _address: SocketAddr,
}

/// How a wait for bytes ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The peer closed in order (FIN).
    Closed,
    /// The peer reset the connection.
    Reset,
    /// The bound was reached with the connection still open.
    StillOpen,
}

/// What came until the end of a wait.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The bytes, at most the bound the caller gave.
    pub bytes: Vec<u8>,
    /// How the wait ended.
    pub ended: Ended,
    /// How long it took.
    pub took: Duration,
}

impl RawConnection {
    /// Connects within `timeout`, optionally from a given source address (127.0.0.0/8 has many).
    ///
    /// # Errors
    /// The operating system's, or `TimedOut`.
    pub async fn connect(_to: SocketAddr, _from: Option<SocketAddr>, _timeout: Duration) -> std::io::Result<Self> {
        unimplemented!("lands with drill")
    }

    /// Writes all bytes within `timeout`.
    ///
    /// # Errors
    /// The operating system's, or `TimedOut`.
    pub async fn write(&mut self, _bytes: &[u8], _timeout: Duration) -> std::io::Result<()> {
        unimplemented!("lands with drill")
    }

    /// Reads until the peer closes, `max` bytes have come, or `timeout` has passed.
    pub async fn listen(&mut self, _max: usize, _timeout: Duration) -> Heard {
        unimplemented!("lands with drill")
    }

    /// Reads one HTTP/1.1 answer (head and body by Content-Length or chunked), or until `timeout`.
    pub async fn listen_answer(&mut self, _timeout: Duration) -> Heard {
        unimplemented!("lands with drill")
    }
}
