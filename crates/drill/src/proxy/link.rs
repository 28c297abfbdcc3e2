//! One connection through the proxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::{Fault, Wanted, request};

/// The longest that the upstream is waited for until it accepts.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest that the client is waited for after the proxy has closed its side.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes read at a time.
const PIECE: usize = 16 << 10;
/// No protocol that anybody speaks: neither HTTP, TLS, nor the greeting of a database.
const GARBAGE: &[u8] =
    b"\xde\xad\xbe\xef\x00\xff\x13\x37 this is not the protocol that you speak \x00\x00\xfe\xed\r\n\r\n";
const SERVER_ERROR: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n\
    connection: close\r\n\r\nbroken";
const ENDLESS_HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n[\r\n";

/// One client's connection, and the upstream's when there is one.
pub(super) struct Link {
    upstream: String,
    faults: watch::Receiver<Wanted>,
    heard: Arc<AtomicU64>,
}

/// How a connection ends for the client.
enum End {
    /// In order.
    Close,
    /// With a reset.
    Reset,
    /// With an answer of the proxy's own, once the request that begins so has been read.
    Act(Fault, Vec<u8>),
    /// Not yet: the fault has changed before anything was done about what the client said so far.
    Anew(Vec<u8>),
}

/// What both directions of a relay know of each other.
#[derive(Default)]
struct Exchange {
    /// Bytes of all clients.
    heard: Arc<AtomicU64>,
    /// The client has spoken since the last answer began.
    asked: AtomicBool,
    /// The client has spoken at all.
    spoken: AtomicBool,
    /// Bytes of the client were thrown away: the connection is of no use any more.
    doomed: AtomicBool,
}

impl Link {
    pub(super) fn new(upstream: String, faults: watch::Receiver<Wanted>, heard: Arc<AtomicU64>) -> Self {
        Self { upstream, faults, heard }
    }

    /// Serves until one side ends or the fault ends it.
    pub(super) async fn serve(mut self, mut client: TcpStream) {
        // So that every end, a cancelled task's too, is a reset unless it is closed in order below.
        let _ = socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO));
        let _ = client.set_nodelay(true);
        let mut said = Vec::new();
        loop {
            let end = match needs_upstream(&self.fault()) {
                true => self.relay(&mut client, said).await,
                false => self.alone(&mut client, said).await,
            };
            match end {
                End::Close => return close(client).await,
                End::Act(fault, read) => return self.act(fault, read, client).await,
                End::Reset => return drop(client),
                End::Anew(unheard) => said = unheard,
            }
        }
    }

    fn fault(&mut self) -> Fault {
        self.faults.borrow_and_update().fault.clone()
    }

    /// Passes bytes both ways, as the fault of the moment has it, beginning with what the client has said already.
    async fn relay(&mut self, client: &mut TcpStream, said: Vec<u8>) -> End {
        let connecting = tokio::time::timeout(CONNECT, TcpStream::connect(&self.upstream)).await;
        let Ok(Ok(mut upstream)) = connecting else { return End::Reset };
        let _ = upstream.set_nodelay(true);
        let (from_client, to_client) = client.split();
        let (from_upstream, to_upstream) = upstream.split();
        let exchange = Exchange { heard: Arc::clone(&self.heard), ..Exchange::default() };
        let up = up(said, from_client, to_upstream, &self.faults, &exchange);
        let down = down(from_upstream, to_client, self.faults.clone(), &exchange);
        let both = futures_util::future::try_join(up, down);
        tokio::select! {
            ended = both => ended.err().unwrap_or(End::Close),
            () = no_longer_doomed(self.faults.clone(), &exchange) => End::Reset,
        }
    }

    /// Deals with a client without an upstream.
    async fn alone(&mut self, client: &mut TcpStream, mut said: Vec<u8>) -> End {
        let mut piece = vec![0; PIECE];
        let mut doomed = false;
        loop {
            match self.fault() {
                _ if said.is_empty() => {}
                Fault::Hang => {
                    doomed = true;
                    said.clear();
                }
                _ if doomed => return End::Reset,
                fault if needs_upstream(&fault) => return End::Anew(said),
                fault => return End::Act(fault, said),
            }
            tokio::select! {
                _ = self.faults.changed() => match doomed {
                    // The client must not wait for what cannot come any more.
                    true => return End::Reset,
                    false => return End::Anew(said),
                },
                read = client.read(&mut piece) => match read {
                    Ok(0) => return End::Close,
                    Ok(length) => {
                        self.heard.fetch_add(length as u64, Relaxed);
                        said.extend_from_slice(&piece[..length]);
                    }
                    Err(_) => return End::Reset,
                },
            }
        }
    }

    async fn act(mut self, fault: Fault, mut read: Vec<u8>, mut client: TcpStream) {
        request::read_whole(&mut client, &mut read).await;
        match fault {
            Fault::Garbage => answer(client, GARBAGE).await,
            Fault::ServerError => answer(client, SERVER_ERROR).await,
            Fault::Endless => {
                // Ends with the client, or with the fault.
                tokio::select! {
                    _ = endless(&mut client) => {}
                    _ = self.faults.changed() => {}
                }
            }
            // Reset; the others never get here, see `needs_upstream`.
            _ => drop(client),
        }
    }
}

/// Faults under which bytes of the upstream reach the client, or bytes of the client the upstream.
fn needs_upstream(fault: &Fault) -> bool {
    match fault {
        Fault::None | Fault::Latency(_) | Fault::Drip { .. } | Fault::Truncate(_) | Fault::LostAnswer => true,
        Fault::Down | Fault::Hang | Fault::Reset | Fault::Garbage | Fault::ServerError | Fault::Endless => false,
    }
}

/// From the client to the upstream. Ends without an error when the client has said all.
async fn up(
    mut said: Vec<u8>,
    mut client: ReadHalf<'_>,
    mut upstream: WriteHalf<'_>,
    faults: &watch::Receiver<Wanted>,
    exchange: &Exchange,
) -> Result<(), End> {
    let mut piece = vec![0; PIECE];
    loop {
        if !said.is_empty() {
            let fault = faults.borrow().fault.clone();
            if fault == Fault::Hang || exchange.doomed.load(Relaxed) {
                exchange.doomed.store(true, Relaxed);
            } else if needs_upstream(&fault) {
                exchange.asked.store(true, Relaxed);
                exchange.spoken.store(true, Relaxed);
                upstream.write_all(&said).await.map_err(|_| End::Reset)?;
            } else {
                return Err(End::Act(fault, said));
            }
            said.clear();
        }
        match client.read(&mut piece).await {
            Ok(0) if exchange.doomed.load(Relaxed) => return Err(End::Close),
            Ok(0) => {
                let _ = upstream.shutdown().await;
                return Ok(());
            }
            Ok(length) => {
                exchange.heard.fetch_add(length as u64, Relaxed);
                said.extend_from_slice(&piece[..length]);
            }
            Err(_) => return Err(End::Reset),
        }
    }
}

/// From the upstream to the client. Ends without an error when the upstream has said all.
async fn down(
    mut upstream: ReadHalf<'_>,
    mut client: WriteHalf<'_>,
    mut faults: watch::Receiver<Wanted>,
    exchange: &Exchange,
) -> Result<(), End> {
    let mut piece = vec![0; PIECE];
    // Of the answer under way.
    let mut passed = 0;
    loop {
        let length = upstream.read(&mut piece).await.map_err(|_| End::Reset)?;
        if length == 0 {
            let _ = client.shutdown().await;
            return Ok(());
        }
        let mut held = !exchange.asked.swap(false, Relaxed);
        if !held {
            passed = 0;
        }
        let mut rest = &piece[..length];
        while !rest.is_empty() {
            let fault = faults.borrow_and_update().fault.clone();
            let (now, pause) = match fault {
                Fault::Hang | Fault::Down => (0, None),
                Fault::Latency(latency) if !held => {
                    held = !changed_within(&mut faults, latency).await;
                    continue;
                }
                Fault::Drip { bytes, every } => (bytes.clamp(1, rest.len()), Some(every)),
                Fault::Truncate(at) if passed >= at => return Err(End::Close),
                Fault::Truncate(at) => (rest.len().min(at - passed), None),
                Fault::LostAnswer if exchange.spoken.load(Relaxed) => return Err(End::Close),
                // The answer to a request that was passed on before the fault.
                _ => (rest.len(), None),
            };
            if now == 0 {
                // Held until the fault changes; the sender lives as long as this task.
                let _ = faults.changed().await;
                continue;
            }
            client.write_all(&rest[..now]).await.map_err(|_| End::Reset)?;
            passed += now;
            rest = &rest[now..];
            if let Some(every) = pause {
                changed_within(&mut faults, every).await;
            }
        }
        if let Fault::Truncate(at) = faults.borrow().fault
            && passed >= at
        {
            return Err(End::Close);
        }
    }
}

/// Waits so long, or until the fault has changed; whether it has.
async fn changed_within(faults: &mut watch::Receiver<Wanted>, pause: Duration) -> bool {
    tokio::time::timeout(pause, faults.changed()).await.is_ok()
}

/// Ends when the connection has lost bytes to a fault that is over: the client must not wait for what cannot come.
async fn no_longer_doomed(mut faults: watch::Receiver<Wanted>, exchange: &Exchange) {
    loop {
        if faults.changed().await.is_err() {
            return;
        }
        if exchange.doomed.load(Relaxed) && faults.borrow_and_update().fault != Fault::Hang {
            return;
        }
    }
}

async fn answer(mut client: TcpStream, bytes: &[u8]) {
    if client.write_all(bytes).await.is_ok() {
        close(client).await;
    }
}

async fn endless(client: &mut TcpStream) -> std::io::Result<()> {
    let numbers = "0,".repeat(PIECE / 2);
    let chunk = format!("{:x}\r\n{numbers}\r\n", numbers.len());
    client.write_all(ENDLESS_HEAD).await?;
    loop {
        client.write_all(chunk.as_bytes()).await?;
    }
}

/// Closes in order: our side first, then what the client still says is read away, as unread bytes would make it a reset.
async fn close(mut client: TcpStream) {
    let _ = client.shutdown().await;
    let mut piece = vec![0; PIECE];
    let _ =
        tokio::time::timeout(FAREWELL, async { while client.read(&mut piece).await.is_ok_and(|length| length > 0) {} })
            .await;
    let _ = socket2::SockRef::from(&client).set_linger(None);
}
