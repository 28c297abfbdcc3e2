//! A body that never ends: declared as 1 GiB, or chunked.

use std::time::Duration;

use http::Method;
use keel_wire::http::Request;
use keel_wire::raw::{Ended, RawConnection};

use crate::clause::border::limits as clause;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::border::support::writes::changes_state;
use crate::probes::support::listener::{self, Listener};

/// What a declared body says.
const DECLARED: u64 = 1 << 30;
/// The most that is streamed, in bytes.
const STREAMED: usize = 64 << 20;
/// Streamed at a time; what came back is looked at after each.
const PIECE: usize = 1 << 20;
/// How long the service may leave a piece unread before it counts as not reading.
const STALL: Duration = Duration::from_secs(2);
/// How long an answer may take once the service has stopped reading, or everything has been sent.
const ANSWER: Duration = Duration::from_secs(10);
/// How long is looked for an answer between two pieces.
const GLANCE: Duration = Duration::from_millis(2);

/// Where bodies are sent.
pub(super) struct Target {
    /// The request without its body.
    pub(super) request: Request,
    /// Whether the mix says that it takes a body.
    known: bool,
}

/// How the body's end is told.
#[derive(Clone, Copy)]
pub(super) enum Framing {
    Declared,
    Chunked,
}

/// What became of the stream.
struct Flood {
    streamed: usize,
    status: Option<u16>,
    ended: Ended,
    came: String,
}

impl Target {
    /// The first request of the mix that carries a body, else `POST /`.
    pub(super) fn of(lab: &Lab) -> Self {
        let spec =
            lab.mix().into_iter().find(|spec| changes_state(spec) && (spec.json.is_some() || spec.body.is_some()));
        match spec {
            Some(spec) => Self { request: Request { body: Default::default(), ..lab.fill(&spec) }, known: true },
            None => Self {
                request: Request::new(Method::POST, "/").header("Content-Type", "application/json"),
                known: false,
            },
        }
    }
}

/// Streams a body; the evidence, and whether a limit on bodies could be seen at all.
pub(super) async fn flood(listener: &Listener, target: &Target, framing: Framing) -> (Evidence, bool) {
    let (line, name) = match framing {
        Framing::Declared => (format!("Content-Length: {DECLARED}\r\n"), "a body that declares 1 GiB"),
        Framing::Chunked => ("Transfer-Encoding: chunked\r\n".to_owned(), "a chunked body without end"),
    };
    let head = listener.head(&target.request, &line);
    let sent = format!("{}...", String::from_utf8_lossy(&head).trim_end().replace("\r\n", "; "));
    let flood = match listener.open().await {
        Ok(connection) => stream(connection, &head, framing).await,
        Err(error) => {
            let what = format!("{name} could not be sent: no connection");
            return (clause::SIZE.contradicts(what).exchanged(sent, error.to_string()), true);
        }
    };
    let (good, what, seen) = judge(&flood, target.known, name);
    (clause::SIZE.maybe(good, what).exchanged(sent, flood.came), seen)
}

/// Whether the fate of the stream is good, what it is, and whether it says anything about limits on bodies.
fn judge(flood: &Flood, known: bool, name: &str) -> (Option<bool>, String, bool) {
    let streamed = format!("after {} MiB", flood.streamed >> 20);
    let swallowed = flood.streamed >= STREAMED;
    match flood.status {
        _ if swallowed => {
            (Some(false), format!("{name} is taken without a limit: {} MiB were read", STREAMED >> 20), true)
        }
        Some(status @ (405 | 501)) if !known => (Some(true), format!("{name} is refused at once with {status}"), true),
        Some(status @ 400..=499) if known || status == 413 => {
            (Some(true), format!("{name} is refused with {status} {streamed}"), true)
        }
        Some(status @ 400..=499) => {
            (None, format!("{name} to a path of which nothing is known is answered {status} {streamed}"), false)
        }
        Some(status @ 500..) => (Some(false), format!("{name} is answered {status} {streamed}, not with a 4xx"), true),
        Some(status) => (None, format!("{name} is answered {status} and left unread {streamed}"), known),
        None if flood.ended == Ended::StillOpen => {
            (Some(false), format!("{name} is neither read to its end, nor answered, nor cut {streamed}"), true)
        }
        None => (
            Some(true),
            format!("{name} is limited, though by a closed connection without a clear 4xx {streamed}"),
            true,
        ),
    }
}

async fn stream(mut connection: RawConnection, head: &[u8], framing: Framing) -> Flood {
    let mut streamed = 0;
    let mut heard = Vec::new();
    let mut writable = connection.write(head, STALL).await.is_ok();
    let mut piece = Vec::with_capacity(PIECE + 32);
    while writable && streamed < STREAMED {
        piece.clear();
        match framing {
            Framing::Declared => piece.resize(PIECE, b' '),
            Framing::Chunked => {
                piece.extend_from_slice(format!("{PIECE:x}\r\n").as_bytes());
                piece.resize(piece.len() + PIECE, b' ');
                piece.extend_from_slice(b"\r\n");
            }
        }
        writable = connection.write(&piece, STALL).await.is_ok();
        if writable {
            streamed += PIECE;
        }
        let glance = connection.listen(64 << 10, GLANCE).await;
        heard.extend_from_slice(&glance.bytes);
        // An answer that refuses ends the matter; after any other the service may still swallow the rest.
        let refused = listener::answers(&heard).first().is_some_and(|answer| answer.status >= 400);
        if glance.ended != Ended::StillOpen || refused {
            return Flood::new(streamed, &heard, glance.ended);
        }
    }
    let last = if streamed >= STREAMED { GLANCE } else { ANSWER };
    let rest = connection.listen(64 << 10, last).await;
    heard.extend_from_slice(&rest.bytes);
    Flood::new(streamed, &heard, rest.ended)
}

impl Flood {
    fn new(streamed: usize, heard: &[u8], ended: Ended) -> Self {
        let status = listener::answers(heard).first().map(|answer| answer.status);
        let text: String = String::from_utf8_lossy(heard).chars().take(400).collect();
        let came = format!("{text} [{ended:?} after {} MiB]", streamed >> 20);
        Self { streamed, status, ended, came }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(status: Option<u16>, streamed: usize, known: bool) -> (Option<bool>, bool) {
        let flood = Flood { streamed, status, ended: Ended::Closed, came: String::new() };
        let (good, _, seen) = judge(&flood, known, "a body");
        (good, seen)
    }

    #[test]
    fn a_404_for_a_path_of_which_nothing_is_known_says_nothing_about_bodies() {
        assert_eq!(good(Some(404), PIECE, false), (None, false));
        assert_eq!(good(Some(404), PIECE, true), (Some(true), true));
    }

    #[test]
    fn a_refused_method_needs_no_limit_on_its_body() {
        assert_eq!(good(Some(405), PIECE, false), (Some(true), true));
        assert_eq!(good(Some(501), PIECE, false), (Some(true), true));
    }

    #[test]
    fn a_body_that_was_read_whole_falls_short_whatever_is_answered() {
        assert_eq!(good(Some(413), STREAMED, true), (Some(false), true));
        assert_eq!(good(None, STREAMED, true), (Some(false), true));
    }
}
