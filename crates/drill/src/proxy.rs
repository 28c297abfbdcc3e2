//! A fault proxy that stands in front of a dependency.

use std::net::SocketAddr;
use std::time::Duration;

/// What the proxy does with connections, those open already included where that makes sense.
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

/// A TCP proxy on a loopback port of its own, in front of one upstream.
#[derive(Debug)]
pub struct FaultProxy {
    _upstream: String,
}

impl FaultProxy {
    /// Starts it in front of `upstream` (`host:port`).
    ///
    /// # Errors
    /// When no loopback port can be had.
    pub async fn start(_upstream: String) -> std::io::Result<Self> {
        unimplemented!("lands with drill")
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        unimplemented!("lands with drill")
    }

    /// Changes what it does, from now on.
    pub async fn set(&self, _fault: Fault) {
        unimplemented!("lands with drill")
    }

    /// Connections accepted since the start.
    pub fn connections(&self) -> u64 {
        unimplemented!("lands with drill")
    }
}
