//! Refuses a connection over the limit in its own protocol, and closes it.
//!
//! The refusal waits for the peer's first bytes, which show its protocol, and reads on after its answer: unread bytes would turn the close into
//! a reset, which loses the answer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::protocol::PREFACE;
use crate::socket::{LINGER, LINGER_BYTES};

/// Number of refusals that wait for their peer at the same time. More connections are answered without waiting, and closed, because a
/// flood of them must cost little.
const AT_ONCE: usize = 64;
/// The most that is read without waiting: more in the buffer turns the close into a reset.
#[cfg(target_os = "linux")]
const READ_AT_ONCE: usize = 16 * 1024;
/// Timeout for the first bytes.
const FIRST_BYTES: Duration = Duration::from_secs(1);

const HTTP1: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
    Content-Type: application/problem+json\r\nContent-Length: 77\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"detail\":\"\"}";

/// An empty SETTINGS, and GOAWAY with the last stream 0 and NO_ERROR: no request was worked on, each may be sent again elsewhere
/// (RFC 9113, 6.8).
const HTTP2: &[u8] = &[
    0, 0, 0, 4, 0, 0, 0, 0, 0, // SETTINGS
    0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // GOAWAY
];

/// Refuses connections, a bounded number at the same time.
#[derive(Clone, Debug)]
pub(crate) struct TurnAway {
    places: Arc<Semaphore>,
}

impl TurnAway {
    pub(crate) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Answers and closes in a task of its own; without waiting when too many are being answered.
    pub(crate) fn refuse(&self, socket: TcpStream) {
        let Ok(place) = self.places.clone().try_acquire_owned() else { return at_once(&socket) };
        tokio::spawn(async move {
            // The peer may be gone: then nobody reads the answer.
            let _ = timeout(FIRST_BYTES + LINGER, answer(socket)).await;
            drop(place);
        });
    }
}

/// Answers a request of HTTP/1 whose first bytes have come already, as those of most clients have under load, in three system calls.
#[cfg(target_os = "linux")]
fn at_once(socket: &TcpStream) {
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{MsgFlags, Shutdown, recv, send, shutdown};

    let (descriptor, mut first) = (socket.as_raw_fd(), [0; READ_AT_ONCE]);
    let Ok(length @ 1..) = recv(descriptor, &mut first, MsgFlags::MSG_DONTWAIT) else { return };
    if first[..length.min(PREFACE.len())] == PREFACE[..length.min(PREFACE.len())] {
        return;
    }
    // What cannot be sent or closed is lost with the connection, which ends here in any case.
    let _ = send(descriptor, HTTP1, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL);
    let _ = shutdown(descriptor, Shutdown::Write);
}

/// Closes it: elsewhere nothing is answered without waiting.
#[cfg(not(target_os = "linux"))]
fn at_once(_socket: &TcpStream) {}

async fn answer(mut socket: TcpStream) -> io::Result<()> {
    let http2 = timeout(FIRST_BYTES, speaks_http2(&mut socket)).await.unwrap_or(Ok(false))?;
    socket.write_all(if http2 { HTTP2 } else { HTTP1 }).await?;
    socket.shutdown().await?;
    let (mut discarded, mut bytes_left) = ([0; 8192], LINGER_BYTES);
    while bytes_left > 0 {
        match socket.read(&mut discarded).await? {
            0 => break,
            read => bytes_left = bytes_left.saturating_sub(read),
        }
    }
    Ok(())
}

/// Reads until it is clear whether the first bytes are the preface of HTTP/2.
async fn speaks_http2(socket: &mut TcpStream) -> io::Result<bool> {
    let (mut first, mut length) = ([0; PREFACE.len()], 0);
    while length < first.len() && first[..length] == PREFACE[..length] {
        match socket.read(&mut first[length..]).await? {
            0 => return Ok(false),
            read => length += read,
        }
    }
    Ok(first[..length] == PREFACE[..length])
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_refusal_of_a_connection_is_a_whole_answer() {
        let text = std::str::from_utf8(super::HTTP1).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
    }
}
