//! A bare connection for what no well-behaved client would send: over TCP, TLS, or a Unix socket.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ::http::Method;
use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UnixStream};

use crate::endpoint::{Address, Endpoint};
use crate::http::MAX_BODY_KEPT;
use crate::http1::AnswerReader;
use crate::stream::Stream;

/// The most bytes that [`RawConnection::listen_answer`] keeps of one answer.
pub const MAX_ANSWER: usize = 8 << 20;

/// Between two looks at whether the peer has closed.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A bare connection. Dropping it closes it.
///
/// Over TLS, bytes are those within: what they are sent in and how long the handshake takes is TLS's own.
#[derive(Debug)]
pub struct RawConnection {
    stream: Stream,
    /// Came after the end of an answer: the beginning of the next one.
    ahead: Vec<u8>,
    /// The method of the request written last, as far as it shows; HEAD decides how the answer ends.
    method: Method,
}

/// Options of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connect {
    /// The source address; 127.0.0.0/8 has many.
    pub from: Option<SocketAddr>,
    /// The size of the receive buffer in bytes, set before the connection is made so that it bounds the window: a small one
    /// makes a slow reader at once. The kernel doubles it and has a minimum of about 2 KiB.
    pub receive_buffer: Option<u32>,
    /// The largest segment in bytes that the peer may send (TCP_MAXSEG, RFC 9293, 3.7.1). On loopback it is 64 KiB, from which
    /// the peer's kernel gives its send buffer megabytes; with a small one a peer whose answers are not read has to wait soon.
    pub max_segment: Option<u32>,
}

/// End of a wait for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The peer closed in order (FIN).
    Closed,
    /// The peer reset the connection.
    Reset,
    /// The bound was reached with the connection still open.
    StillOpen,
}

/// Bytes that came until the end of a wait.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The bytes, at most the bound the caller gave.
    pub bytes: Vec<u8>,
    /// The end of the wait.
    pub ended: Ended,
    /// The length of the wait.
    pub took: Duration,
}

impl Heard {
    /// The status of the HTTP/1 answer that the bytes begin with, when they do; interim answers are passed over.
    pub fn status(&self) -> Option<u16> {
        let mut reader = AnswerReader::new(&Method::GET, 0);
        // What is wrong after the head does not matter here.
        let _ = reader.take(&self.bytes);
        reader.head.map(|head| head.status.as_u16())
    }

    /// The bytes as text, with what is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl RawConnection {
    /// Connects within `timeout`, optionally from a given source address (127.0.0.0/8 has many).
    ///
    /// # Errors
    /// The operating system's, TLS's, or `TimedOut`.
    pub async fn connect(
        to: impl Into<Endpoint>,
        from: Option<SocketAddr>,
        timeout: Duration,
    ) -> std::io::Result<Self> {
        Self::connect_with(to, Connect { from, ..Connect::default() }, timeout).await
    }

    /// Connects within `timeout`, the handshake of TLS included, with everything that can be chosen.
    ///
    /// # Errors
    /// The operating system's, TLS's, or `TimedOut`.
    pub async fn connect_with(to: impl Into<Endpoint>, how: Connect, timeout: Duration) -> std::io::Result<Self> {
        let stream = within(timeout, open(to.into(), how)).await?;
        Ok(Self { stream, ahead: Vec::new(), method: Method::GET })
    }

    /// The connection itself; what was read ahead is dropped.
    pub fn into_stream(self) -> Stream {
        self.stream
    }

    /// Makes the receive buffer small (or large) on the open connection; what was announced already may still come.
    ///
    /// # Errors
    /// The operating system's.
    pub fn set_receive_buffer(&self, bytes: usize) -> std::io::Result<()> {
        socket2::SockRef::from(&self.stream).set_recv_buffer_size(bytes)
    }

    /// The local end.
    ///
    /// # Errors
    /// The operating system's.
    pub fn local_address(&self) -> std::io::Result<SocketAddr> {
        self.stream.local_address()
    }

    /// Writes all bytes within `timeout`.
    ///
    /// # Errors
    /// The operating system's, or `TimedOut`.
    pub async fn write(&mut self, bytes: &[u8], timeout: Duration) -> std::io::Result<()> {
        if let Some(method) = method_of(bytes) {
            self.method = method;
        }
        within(timeout, async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        })
        .await
    }

    /// Says that nothing more will be written (FIN); reading goes on.
    ///
    /// # Errors
    /// The operating system's.
    pub async fn finish(&mut self) -> std::io::Result<()> {
        self.stream.shutdown().await
    }

    /// Reads until the peer closes, `max` bytes have come, or `timeout` has passed.
    pub async fn listen(&mut self, max: usize, timeout: Duration) -> Heard {
        let start = Instant::now();
        let mut bytes = Vec::new();
        let ended = tokio::time::timeout(timeout, self.read_until(max, &mut bytes)).await.unwrap_or(Ended::StillOpen);
        Heard { bytes, ended, took: start.elapsed() }
    }

    /// Reads one HTTP/1.1 answer (head and body by Content-Length or chunked), or until `timeout`.
    ///
    /// Ends with [`Ended::StillOpen`] when the answer is whole, when the time is up, when what comes is not HTTP, or after
    /// [`MAX_ANSWER`] bytes. What comes after the answer is kept for the next call.
    pub async fn listen_answer(&mut self, timeout: Duration) -> Heard {
        let start = Instant::now();
        let mut bytes = Vec::new();
        let ended = tokio::time::timeout(timeout, self.read_answer(&mut bytes)).await.unwrap_or(Ended::StillOpen);
        Heard { bytes, ended, took: start.elapsed() }
    }

    /// Returns the state of the peer without reading anything: closed or reset, also while bytes that
    /// came before are still unread. [`Ended::StillOpen`] when it has not.
    pub fn peer_state(&self) -> Ended {
        let mut polled = [PollFd::new(&self.stream, PollFlags::IN | PollFlags::RDHUP)];
        if rustix::event::poll(&mut polled, Some(&Timespec::default())).is_err() {
            return Ended::StillOpen;
        }
        let seen = polled[0].revents();
        if seen.contains(PollFlags::ERR) {
            Ended::Reset
        } else if seen.intersects(PollFlags::RDHUP | PollFlags::HUP) {
            Ended::Closed
        } else {
            Ended::StillOpen
        }
    }

    /// Returns true if bytes came that were not returned yet, or if the peer has closed. Over TLS one byte is read and kept: it
    /// may belong to TLS itself.
    pub fn has_unread(&mut self) -> bool {
        if self.ahead.is_empty() && self.stream.is_tls() {
            let mut byte = [0];
            return match self.stream.read_now(&mut byte) {
                Some(Ok(length)) => {
                    self.ahead.extend_from_slice(&byte[..length]);
                    true
                }
                Some(Err(_)) => true,
                None => false,
            };
        }
        let mut polled = [PollFd::new(&self.stream, PollFlags::IN)];
        !self.ahead.is_empty()
            || rustix::event::poll(&mut polled, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Waits until the peer has closed or reset the connection, without reading anything; at most `timeout`.
    pub async fn wait_closed(&self, timeout: Duration) -> Ended {
        let closed = async {
            loop {
                match self.peer_state() {
                    Ended::StillOpen => tokio::time::sleep(LOOK_EVERY).await,
                    ended => return ended,
                }
            }
        };
        tokio::time::timeout(timeout, closed).await.unwrap_or(Ended::StillOpen)
    }

    /// Closes with a reset instead of in order.
    ///
    /// # Errors
    /// The operating system's.
    pub fn reset(self) -> std::io::Result<()> {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }

    async fn read_until(&mut self, max: usize, bytes: &mut Vec<u8>) -> Ended {
        let from_before = self.ahead.len().min(max);
        bytes.extend(self.ahead.drain(..from_before));
        let mut piece = vec![0; (16 << 10).min(max.max(1))];
        while bytes.len() < max {
            let room = piece.len().min(max - bytes.len());
            match self.stream.read(&mut piece[..room]).await {
                Ok(0) => return Ended::Closed,
                Ok(length) => bytes.extend_from_slice(&piece[..length]),
                Err(_) => return Ended::Reset,
            }
        }
        Ended::StillOpen
    }

    async fn read_answer(&mut self, bytes: &mut Vec<u8>) -> Ended {
        let mut reader = AnswerReader::new(&self.method, MAX_BODY_KEPT);
        let mut piece = vec![0; 16 << 10];
        let mut next = std::mem::take(&mut self.ahead);
        loop {
            let taken = reader.take(&next);
            let used = *taken.as_ref().unwrap_or(&next.len());
            bytes.extend_from_slice(&next[..used]);
            self.ahead.extend_from_slice(&next[used..]);
            if taken.is_err() || reader.is_done() || bytes.len() >= MAX_ANSWER {
                return Ended::StillOpen;
            }
            next.clear();
            match self.stream.read(&mut piece).await {
                Ok(0) => return Ended::Closed,
                Ok(length) => next.extend_from_slice(&piece[..length]),
                Err(_) => return Ended::Reset,
            }
        }
    }
}

async fn open(to: Endpoint, how: Connect) -> std::io::Result<Stream> {
    let to_tcp = match to.address {
        Address::Tcp(address) => address,
        Address::Unix(path) => return Ok(Stream::Unix(UnixStream::connect(path).await?)),
    };
    let socket = match to_tcp.ip() {
        IpAddr::V4(_) => TcpSocket::new_v4()?,
        IpAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(size) = how.receive_buffer {
        socket.set_recv_buffer_size(size)?;
    }
    if let Some(size) = how.max_segment {
        socket2::SockRef::from(&socket).set_tcp_mss(size)?;
    }
    if let Some(from) = how.from {
        socket.bind(from)?;
    }
    let stream = socket.connect(to_tcp).await?;
    stream.set_nodelay(true)?;
    Ok(match to.tls {
        None => Stream::Tcp(stream),
        Some(tls) => Stream::Tls(Box::new(tls.over(stream).await?)),
    })
}

async fn within<T>(timeout: Duration, work: impl Future<Output = std::io::Result<T>>) -> std::io::Result<T> {
    let late = || std::io::Error::new(std::io::ErrorKind::TimedOut, format!("not done within {timeout:?}"));
    tokio::time::timeout(timeout, work).await.unwrap_or_else(|_| Err(late()))
}

/// The method, when the bytes look like the beginning of a request.
fn method_of(bytes: &[u8]) -> Option<Method> {
    let word = bytes.split(|byte| *byte == b' ').next()?;
    let upper = (3..=7).contains(&word.len()) && word.iter().all(u8::is_ascii_uppercase) && word.len() < bytes.len();
    if upper { Method::from_bytes(word).ok() } else { None }
}
