//! One connection through the proxy: two pumps, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use crate::pump::{Ending, Flow, Line, Pump};
use crate::queue::Answer;
use crate::socket::Socket;
use crate::toxic::{Endless, HalfOpen, Settings};

/// The longest that the upstream is waited for until it accepts.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest that a peer is waited for after the proxy has closed its side.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes thrown away at a time.
const PIECE: usize = 16 << 10;
/// No protocol that anybody speaks: neither HTTP, TLS, nor the greeting of a database.
const GARBAGE: &[u8] =
    b"\xde\xad\xbe\xef\x00\xff\x13\x37 this is not the protocol that you speak \x00\x00\xfe\xed\r\n\r\n";
const SERVER_ERROR: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n\
    connection: close\r\n\r\nbroken";
const ENDLESS_HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n[\r\n";

/// The two chains that a connection shares with its proxy.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    pub(super) up: Arc<Line>,
    pub(super) down: Arc<Line>,
}

/// Side that has been cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Upstream,
}

/// Serves a client until one side ends or a toxic ends it. When it is dropped before, both sides are reset.
pub(super) async fn serve(client: Socket, upstream: String, lines: Lines, mut up: Pump, mut down: Pump) {
    client.reset_on_drop(true);
    let upstream = match up.run(&client, None).await {
        Ending::NeedsUpstream => match tokio::time::timeout(CONNECT, Socket::connect(&upstream)).await {
            Ok(Ok(upstream)) => upstream,
            // Dropped, and so reset.
            Ok(Err(_)) | Err(_) => return,
        },
        ending => return conclude(ending, Side::Client, &lines, client, None).await,
    };
    upstream.reset_on_drop(true);
    let (ending, source) = relay(&client, &upstream, &mut up, &mut down).await;
    conclude(ending, source, &lines, client, Some(upstream)).await;
}

/// Runs both directions; the ending that counts for the connection, and which side was that direction's source.
async fn relay(client: &Socket, upstream: &Socket, up: &mut Pump, down: &mut Pump) -> (Ending, Side) {
    let (first, side) = tokio::select! {
        ending = up.run(client, Some(upstream)) => (ending, Side::Client),
        ending = down.run(upstream, Some(client)) => (ending, Side::Upstream),
    };
    if !matches!(first, Ending::Finished | Ending::Broken) {
        return (first, side);
    }
    // The other direction says what it still has to say.
    let second = match side {
        Side::Client => (down.run(upstream, Some(client)).await, Side::Upstream),
        Side::Upstream => (up.run(client, Some(upstream)).await, Side::Client),
    };
    match (first, second.0) {
        (Ending::Broken, Ending::Finished) => (Ending::Reset, side),
        _ => second,
    }
}

async fn conclude(ending: Ending, source: Side, lines: &Lines, client: Socket, upstream: Option<Socket>) {
    match ending {
        Ending::Finished => {
            client.reset_on_drop(false);
            if let Some(upstream) = upstream {
                upstream.reset_on_drop(false);
            }
        }
        Ending::Closed => {
            // The upstream too: whoever holds it open must not hold up the client.
            let upstream = async {
                if let Some(upstream) = upstream {
                    close(upstream).await;
                }
            };
            tokio::join!(close(client), upstream);
        }
        Ending::Answer(answer) => {
            drop(upstream);
            give(answer, client, lines).await;
        }
        Ending::HalfOpen => half_open(source, client, upstream, lines).await,
        // Dropping both resets both.
        Ending::Reset | Ending::Broken | Ending::NeedsUpstream => {}
    }
}

/// Answers in the upstream's place.
async fn give(answer: Answer, client: Socket, lines: &Lines) {
    let given = match answer {
        Answer::Garbage => client.write_all(GARBAGE).await,
        Answer::ServerError => client.write_all(SERVER_ERROR).await,
        // Ends with the client, or with the toxic: then in a reset.
        Answer::Endless => tokio::select! {
            ended = endless(&client) => ended,
            () = gone(Endless::WORD, &lines.up) => return,
        },
    };
    if given.is_ok() {
        close(client).await;
    }
}

async fn endless(client: &Socket) -> std::io::Result<()> {
    let numbers = "0,".repeat(PIECE / 2);
    let chunk = format!("{:x}\r\n{numbers}\r\n", numbers.len());
    client.write_all(ENDLESS_HEAD).await?;
    loop {
        client.write_all(chunk.as_bytes()).await?;
    }
}

/// Cuts one side off and leaves the other open, heard and not answered, until it leaves or no toxic wants it so any more;
/// then it is reset.
async fn half_open(source: Side, client: Socket, upstream: Option<Socket>, lines: &Lines) {
    let (line, left) = match source {
        Side::Client => {
            drop(client);
            (&lines.up, upstream)
        }
        Side::Upstream => {
            drop(upstream);
            (&lines.down, Some(client))
        }
    };
    let Some(left) = left else { return };
    tokio::select! {
        () = read_away(&left) => {}
        () = gone(HalfOpen::WORD, line) => {}
    }
}

/// Until no toxic of this type is on the line any more.
async fn gone(word: &str, line: &Line) {
    while line.lock().has(word) {
        line.changed().await;
    }
}

/// Closes in order: our side first, then what the peer still says is read away, as unread bytes would make it a reset.
async fn close(socket: Socket) {
    socket.finish();
    let _ = tokio::time::timeout(FAREWELL, read_away(&socket)).await;
    socket.reset_on_drop(false);
}

/// Reads until the peer has said all, or is gone.
async fn read_away(socket: &Socket) {
    let mut piece = vec![0; PIECE];
    loop {
        match socket.try_read(&mut piece) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if socket.readable().await.is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

/// The pumps of a new connection.
pub(super) fn pumps(
    lines: &Lines,
    up: &Arc<Flow>,
    down: &Arc<Flow>,
    spoke: Arc<std::sync::atomic::AtomicBool>,
) -> (Pump, Pump) {
    (
        Pump::new(Arc::clone(&lines.up), Arc::clone(up), Some(spoke)),
        Pump::new(Arc::clone(&lines.down), Arc::clone(down), None),
    )
}
