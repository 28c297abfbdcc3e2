//! Misbehaving peers for tests of clients: each on a port of its own, on loopback, until it is dropped.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! use evenkeel_client::misbehave::{Manner, Peer};
//! use evenkeel_client::{Bounds, Client, Error};
//!
//! let peer = Peer::start(Manner::Truncated).await?;
//! let error = Client::new(Bounds::default()).post(&peer.url()).send().await.expect_err("there is no whole answer");
//! assert!(matches!(error, Error::Broken { .. }));
//! assert_eq!(peer.requests(), 1);
//! # Ok(()) }
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

/// Connections at a time; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 256;
/// The longest head that is read.
const MAX_HEAD: usize = 64 * 1024;
/// The most that an answer without end is: the peer ends if the caller does not.
const MAX_ANSWER: usize = 1 << 30;
/// Between two bytes of a slow answer.
const SLOW: Duration = Duration::from_millis(20);

/// The client's side of a connection in HTTP/2 begins with this (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Misbehaviour of a peer, once it has read the head of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Manner {
    /// A good answer, byte by byte, each late.
    Slow,
    /// A good head, and a body that never ends.
    Endless,
    /// A body shorter than its declared length, and the end of the connection.
    Truncated,
    /// Bytes that are not HTTP.
    Garbage,
    /// A head without end.
    OversizedHead,
    /// A body whose length is declared as a terabyte.
    Oversized,
    /// Two lengths that contradict each other.
    WrongLength,
    /// The end of the connection before any answer.
    EarlyClose,
    /// A reset of the connection within the body.
    Reset,
    /// The end of sending, and the connection held open, before any answer.
    HalfClose,
    /// Sends no answer, and holds the connection open.
    Never,
    /// Gzip of which a kilobyte becomes a megabyte, a thousand times.
    Bomb,
    /// HTTP/2: GOAWAY that declares the request unprocessed.
    GoAway,
    /// HTTP/2: a reset of the stream after half of the answer.
    StreamReset,
    /// HTTP/2: a frame that no rule allows there.
    BadFrame,
    /// HTTP/2: settings are acknowledged, and nothing else ever comes.
    Http2Never,
}

impl Manner {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Slow,
        Self::Endless,
        Self::Truncated,
        Self::Garbage,
        Self::OversizedHead,
        Self::Oversized,
        Self::WrongLength,
        Self::EarlyClose,
        Self::Reset,
        Self::HalfClose,
        Self::Never,
        Self::Bomb,
        Self::GoAway,
        Self::StreamReset,
        Self::BadFrame,
        Self::Http2Never,
    ];

    /// Returns true when the peer speaks HTTP/2 without TLS, by prior knowledge.
    pub const fn is_http2(self) -> bool {
        matches!(self, Self::GoAway | Self::StreamReset | Self::BadFrame | Self::Http2Never)
    }
}

/// A peer that misbehaves, until it is dropped.
#[derive(Debug)]
pub struct Peer {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    _ends_with_it: JoinSet<()>,
}

impl Peer {
    /// Starts one on a free port of loopback. Cancel-safe: without the value there is no peer.
    ///
    /// # Errors
    /// When there is no port to listen on.
    pub async fn start(manner: Manner) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (address, requests) = (listener.local_addr()?, Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, manner, Arc::clone(&requests)));
        Ok(Self { address, requests, _ends_with_it: tasks })
    }

    /// Returns the listen URL.
    pub fn url(&self) -> Url {
        format!("http://{}/", self.address).parse().expect("an address makes a URL")
    }

    /// Returns the number of requests read.
    pub fn requests(&self) -> usize {
        self.requests.load(Relaxed)
    }
}

async fn accept(listener: TcpListener, manner: Manner, requests: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    loop {
        if connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        let Ok((socket, _)) = listener.accept().await else { return };
        let requests = Arc::clone(&requests);
        // What the caller does to a connection that misbehaves is the caller's business.
        connections.spawn(async move { drop(misbehave(socket, manner, &requests).await) });
    }
}

async fn misbehave(mut socket: TcpStream, manner: Manner, requests: &AtomicUsize) -> io::Result<()> {
    if manner.is_http2() {
        return misbehave_http2(socket, manner, requests).await;
    }
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD {
            return Ok(());
        }
        head.push(socket.read_u8().await?);
    }
    requests.fetch_add(1, Relaxed);
    match manner {
        Manner::Slow => {
            for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nslow" {
                socket.write_all(&[*byte]).await?;
                tokio::time::sleep(SLOW).await;
            }
        }
        Manner::Endless => {
            socket.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            repeat(&mut socket, &[b"400\r\n", &[b'x'; 1024][..], b"\r\n"].concat()).await?;
        }
        Manner::Truncated => socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await?,
        Manner::Garbage => socket.write_all(b"\x16\x03\x01\x00\xff what is this\r\n\r\n").await?,
        Manner::OversizedHead => {
            socket.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            repeat(&mut socket, &[b"x-more: ", &[b'x'; 1024][..], b"\r\n"].concat()).await?;
        }
        Manner::Oversized => {
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1099511627776\r\n\r\n").await?;
            hold(&mut socket).await?;
        }
        Manner::WrongLength => {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab";
            socket.write_all(answer).await?;
            hold(&mut socket).await?;
        }
        Manner::EarlyClose => {}
        Manner::Reset => {
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await?;
            socket.set_zero_linger()?;
        }
        Manner::HalfClose => {
            socket.shutdown().await?;
            hold(&mut socket).await?;
        }
        Manner::Never => hold(&mut socket).await?,
        Manner::Bomb => {
            let bomb = bomb();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", bomb.len());
            socket.write_all(head.as_bytes()).await?;
            socket.write_all(&bomb).await?;
            hold(&mut socket).await?;
        }
        Manner::GoAway | Manner::StreamReset | Manner::BadFrame | Manner::Http2Never => {
            unreachable!("spoken in HTTP/2, above")
        }
    }
    Ok(())
}

/// Writes frames of HTTP/2 (RFC 9113, 6) by hand: no library sends invalid ones.
async fn misbehave_http2(mut socket: TcpStream, manner: Manner, requests: &AtomicUsize) -> io::Result<()> {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;
    const SETTINGS: u8 = 4;
    const GOAWAY: u8 = 7;
    const WINDOW_UPDATE: u8 = 8;
    const ACK: u8 = 1;
    const END_HEADERS: u8 = 4;
    const NO_ERROR: u32 = 0;
    const INTERNAL_ERROR: u32 = 2;

    let mut preface = [0; PREFACE.len()];
    socket.read_exact(&mut preface).await?;
    socket.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    loop {
        let (kind, flags, stream) = read_frame(&mut socket).await?;
        if kind == SETTINGS && flags & ACK == 0 {
            socket.write_all(&frame(SETTINGS, ACK, 0, &[])).await?;
        }
        if kind != HEADERS {
            continue;
        }
        requests.fetch_add(1, Relaxed);
        // Index 8 of HPACK's static table is `:status: 200`.
        let head = frame(HEADERS, END_HEADERS, stream, &[0x88]);
        match manner {
            Manner::GoAway => {
                let nothing_done = [0_u32.to_be_bytes(), NO_ERROR.to_be_bytes()].concat();
                socket.write_all(&frame(GOAWAY, 0, 0, &nothing_done)).await?;
                return hold(&mut socket).await;
            }
            Manner::StreamReset => {
                let reset = frame(RST_STREAM, 0, stream, &INTERNAL_ERROR.to_be_bytes());
                socket.write_all(&[head, frame(DATA, 0, stream, b"half"), reset].concat()).await?;
            }
            Manner::BadFrame => {
                socket.write_all(&[head, frame(WINDOW_UPDATE, 0, 0, &0_u32.to_be_bytes())].concat()).await?;
            }
            _ => {}
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("frames here are short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Reads one frame and forgets its payload.
async fn read_frame(socket: &mut TcpStream) -> io::Result<(u8, u8, u32)> {
    let mut head = [0; 9];
    socket.read_exact(&mut head).await?;
    let length = u64::from(u32::from_be_bytes([0, head[0], head[1], head[2]]));
    io::copy(&mut socket.take(length), &mut io::sink()).await?;
    Ok((head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff))
}

async fn repeat(socket: &mut TcpStream, piece: &[u8]) -> io::Result<()> {
    for _ in 0..MAX_ANSWER / piece.len() {
        socket.write_all(piece).await?;
    }
    Ok(())
}

/// Holds the connection until the caller ends it.
async fn hold(socket: &mut TcpStream) -> io::Result<()> {
    io::copy(socket, &mut io::sink()).await.map(drop)
}

/// A gigabyte of zeros.
fn bomb() -> Vec<u8> {
    use std::io::Write;
    let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    member.write_all(&vec![0; 1 << 20]).expect("memory takes what is written to it");
    // Gzip may be several members after each other (RFC 1952, 2.2).
    member.finish().expect("memory takes what is written to it").repeat(1024)
}
