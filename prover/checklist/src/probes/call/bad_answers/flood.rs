//! A server in a dependency's place whose answers are too long: without end, or whole and oversized. What it sends is bounded.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Bytes of all endless answers together; then the answer goes on without a byte.
const ENDLESS: u64 = 96 << 20;
/// Bytes of an oversized answer, and how many bytes of such answers are sent in all.
pub(super) const OVERSIZED: u64 = 80 << 20;
const OVERSIZED_IN_ALL: u64 = OVERSIZED * 8;
/// Bytes that are sent at a time.
const PIECE: usize = 64 << 10;
/// The longest head of a request that is waited for.
const HEAD: usize = 64 << 10;
/// Connections at a time; further ones wait.
const CONNECTIONS: usize = 64;
const QUEUE: u32 = 128;

/// Way in which an answer is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooLong {
    /// Its head announces no length, and its body does not end.
    Endless,
    /// It is whole, well formed, and of 80 MiB.
    Oversized,
}

/// The server; dropping it resets every connection.
#[derive(Debug)]
pub(super) struct Flood {
    heard: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

impl Flood {
    /// Binds an address on which nothing listens; an existing binding is shared.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub(super) fn at(address: SocketAddr, kind: TooLong) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseport(true)?;
        socket.bind(address)?;
        let listener = socket.listen(QUEUE)?;
        let heard = Arc::new(AtomicU64::new(0));
        let left = match kind {
            TooLong::Endless => ENDLESS,
            TooLong::Oversized => OVERSIZED_IN_ALL,
        };
        let shared = (Arc::clone(&heard), Arc::new(AtomicU64::new(left)));
        Ok(Self { heard, serving: tokio::spawn(serve(listener, kind, shared)) })
    }

    /// Bytes of requests that have come.
    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Bytes heard, and bytes that may still be sent.
type Shared = (Arc<AtomicU64>, Arc<AtomicU64>);

async fn serve(listener: TcpListener, kind: TooLong, shared: Shared) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        connections.spawn(async move {
            // The client may leave at any time.
            let _ = answer(stream, kind, &shared).await;
        });
        while connections.try_join_next().is_some() {}
        while connections.len() >= CONNECTIONS {
            connections.join_next().await;
        }
    }
}

async fn answer(mut stream: TcpStream, kind: TooLong, (heard, left): &Shared) -> io::Result<()> {
    let (mut head, mut piece) = (Vec::new(), vec![0; 4096]);
    while head.len() < HEAD && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let length = stream.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        heard.fetch_add(length as u64, Ordering::Relaxed);
        head.extend_from_slice(&piece[..length]);
    }
    let zeros = "0,".repeat(PIECE / 2);
    let json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    match kind {
        TooLong::Endless => {
            stream.write_all(format!("{json}Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n").as_bytes()).await?;
            let chunk = format!("{PIECE:x}\r\n{zeros}\r\n");
            while take(left) {
                stream.write_all(chunk.as_bytes()).await?;
            }
        }
        TooLong::Oversized => {
            stream.write_all(format!("{json}Content-Length: {}\r\n\r\n[", OVERSIZED + 3).as_bytes()).await?;
            for _ in 0..OVERSIZED / PIECE as u64 {
                if !take(left) {
                    return silent(stream).await;
                }
                stream.write_all(zeros.as_bytes()).await?;
            }
            stream.write_all(b"0]").await?;
        }
    }
    silent(stream).await
}

/// Takes a piece of what may still be sent.
fn take(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(PIECE as u64)).is_ok()
}

/// Reads until the client leaves.
async fn silent(mut stream: TcpStream) -> io::Result<()> {
    let mut piece = vec![0; 4096];
    while stream.read(&mut piece).await? > 0 {}
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use std::time::Duration;

    use keel_proxy::{Fault, FaultProxy};

    use super::*;

    /// Bytes of the answer until its end, or until there are so many.
    async fn read(kind: TooLong, most: u64) -> (u64, Vec<u8>) {
        let proxy = FaultProxy::start("127.0.0.1:9".to_owned()).await.unwrap();
        proxy.set(Fault::Down).await;
        let address = proxy.address();
        let flood = Flood::at(address, kind).unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let (mut came, mut first, mut piece) = (0, Vec::new(), vec![0; 1 << 20]);
        while came < most {
            let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut piece)).await.unwrap().unwrap();
            came += read as u64;
            if first.len() < 200 {
                first.extend_from_slice(&piece[..read.min(200)]);
            }
        }
        assert_eq!(flood.heard(), 18);
        (came, first)
    }

    #[tokio::test]
    async fn an_oversized_answer_is_as_long_as_it_says() {
        let (came, head) = read(TooLong::Oversized, OVERSIZED).await;
        let head = String::from_utf8_lossy(&head).into_owned();
        assert!(head.contains(&format!("Content-Length: {}", OVERSIZED + 3)), "{head}");
        assert!(came >= OVERSIZED);
    }

    #[test]
    fn the_bytes_of_all_endless_answers_are_bounded() {
        let left = AtomicU64::new(ENDLESS);
        let pieces = std::iter::repeat_with(|| take(&left)).take_while(|taken| *taken).count();
        assert_eq!(pieces as u64, ENDLESS / PIECE as u64);
    }
}
