//! A body that never ends: declared as 1 GiB, or chunked.

use std::time::Duration;

use http::Method;
use keel_wire::http::Request;
use keel_wire::raw::{Ended, RawConnection};

use crate::clause::border::limits as clause;
use crate::control::Control;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::border::support::writes::bodied;
use crate::probes::support::listener::{self, Listener};
use crate::recipe::OnWire;
use crate::recipe::Recipe;

/// Declared length of a body.
const DECLARED: u64 = 1 << 30;
/// The most that is streamed, in bytes.
const STREAMED: usize = 64 << 20;
/// Streamed at a time; what came back is looked at after each.
const PIECE: usize = 1 << 20;
/// The most requests with a body that are tried.
const TARGETS: usize = 4;
/// Refusals that speak of who asks, of what, in which state or how often, and not of a size.
const ABOUT_OTHER: [u16; 9] = [401, 402, 403, 404, 405, 407, 409, 410, 429];
/// The chunk of the script that shows that a chunked body has no limit, in bytes.
const SHOWN_CHUNK: usize = 64;
/// Time after which a service that leaves a piece unread counts as not reading.
const STALL: Duration = Duration::from_secs(2);
/// Time limit of an answer once the service has stopped reading, or everything has been sent.
const ANSWER: Duration = Duration::from_secs(10);
/// Time limit of the answer to a body that was read whole.
const LATE_ANSWER: Duration = Duration::from_secs(3);
/// Time to look for an answer between two pieces.
const GLANCE: Duration = Duration::from_millis(2);

/// Target of the bodies.
pub(super) struct Target {
    /// Its name in reports.
    name: String,
    /// The request without its body.
    pub(super) request: Request,
    /// The body as declared: what is sent begins with it.
    beginning: Vec<u8>,
    /// It is answered as declared with the body as declared; none for a guess.
    pub(super) control: Option<Control>,
}

/// Framing of the body.
#[derive(Clone, Copy)]
pub(super) enum Framing {
    Declared,
    Chunked,
}

/// Outcome of the stream.
struct Flood {
    streamed: usize,
    status: Option<u16>,
    ended: Ended,
    came: String,
}

/// The writes of the mix that carry a body and are answered as declared, with a gap for each other one.
pub(super) async fn targets(lab: &Lab) -> (Vec<Target>, Vec<Evidence>) {
    let (mut targets, mut gaps) = (Vec::new(), Vec::new());
    let specs = bodied(lab);
    for spec in specs.iter().take(TARGETS) {
        match lab.control(spec).await {
            Ok(control) => {
                let filled = lab.fill(spec);
                let request = Request { body: Default::default(), ..filled.clone() };
                targets.push(Target {
                    name: spec.name.clone(),
                    request,
                    beginning: filled.body.to_vec(),
                    control: Some(control),
                });
            }
            Err(failed) => gaps.push(clause::SIZE.uncontrolled(&failed)),
        }
    }
    for spec in specs.iter().skip(TARGETS) {
        let what = format!("the size of {} was not examined: the first {TARGETS} requests with a body were", spec.name);
        gaps.push(clause::SIZE.gap(what));
    }
    (targets, gaps)
}

impl Target {
    /// A path that exists; nothing is known of bodies sent to it.
    pub(super) fn guess(path: &str) -> Self {
        let request = Request::new(Method::POST, path).header("Content-Type", "application/json");
        Self { name: format!("POST {path}"), request, beginning: Vec::new(), control: None }
    }
}

/// Streams a body.
pub(super) async fn flood(listener: &Listener, target: &Target, framing: Framing) -> Evidence {
    let (line, name) = match framing {
        Framing::Declared => (format!("Content-Length: {DECLARED}\r\n"), "a body that declares 1 GiB"),
        Framing::Chunked => ("Transfer-Encoding: chunked\r\n".to_owned(), "a chunked body without end"),
    };
    let name = format!("{name} to {}", target.name);
    let head = listener.head(&target.request, &line);
    let sent = format!("{}...", String::from_utf8_lossy(&head).trim_end().replace("\r\n", "; "));
    let flood = match listener.open().await {
        Ok(connection) => stream(connection, &head, &target.beginning, framing).await,
        Err(error) => {
            let what = format!("{name} could not be sent: no connection");
            return clause::SIZE.contradicts(what).exchanged(sent, error.to_string());
        }
    };
    let (good, what) = judge(&flood, target.control.is_some(), framing, &name);
    let evidence = clause::SIZE.maybe(good, what).exchanged(sent, flood.came);
    let mut pieces = vec![(head, 1)];
    match framing {
        Framing::Declared => pieces.extend([(target.beginning.clone(), 1), (b" ".to_vec(), STREAMED)]),
        Framing::Chunked => {
            let chunk = format!("{SHOWN_CHUNK:x}\r\n{}\r\n", " ".repeat(SHOWN_CHUNK));
            pieces.push((chunk.into_bytes(), STREAMED / SHOWN_CHUNK));
        }
    }
    let fault = OnWire::Swallowed;
    let evidence = evidence.reproduced_by(Recipe::Wire { pieces, fault });
    target.control.iter().fold(evidence, Evidence::by)
}

/// Judges the outcome of the stream, with a description; `None` if it shows nothing about limits on bodies.
fn judge(flood: &Flood, known: bool, framing: Framing, name: &str) -> (Option<bool>, String) {
    let streamed = format!("after {} MiB", flood.streamed >> 20);
    let swallowed = flood.streamed >= STREAMED;
    match flood.status {
        Some(413) if swallowed => {
            (Some(false), format!("{name} is read whole ({} MiB) before it is refused with 413", STREAMED >> 20))
        }
        _ if swallowed && matches!(framing, Framing::Declared) => {
            (Some(false), format!("{name} is read for {} MiB before any limit shows", STREAMED >> 20))
        }
        _ if swallowed => (Some(false), format!("{name} is taken without a limit: {} MiB were read", STREAMED >> 20)),
        Some(status @ (405 | 501)) if !known => (Some(true), format!("{name} is refused at once with {status}")),
        Some(status) if ABOUT_OTHER.contains(&status) => {
            (None, format!("{name} is answered {status} {streamed}, which says nothing about its size"))
        }
        Some(status @ 400..=499) if known || status == 413 => {
            (Some(true), format!("{name} is refused with {status} {streamed}"))
        }
        // A transfer coding that it does not implement (RFC 9112, 6.1).
        Some(501) if matches!(framing, Framing::Chunked) => (Some(true), format!("{name} is refused with 501")),
        Some(status @ 400..=499) => {
            (None, format!("{name}, of which nothing is known, is answered {status} {streamed}"))
        }
        Some(status @ 500..) => (Some(false), format!("{name} is answered {status} {streamed}, not with a 4xx")),
        Some(status) => (None, format!("{name} is answered {status} and left unread {streamed}")),
        None if flood.ended == Ended::StillOpen => {
            (Some(false), format!("{name} is neither read to its end, nor answered, nor cut {streamed}"))
        }
        None => {
            (Some(true), format!("{name} is limited, though by a closed connection without a clear 4xx {streamed}"))
        }
    }
}

async fn stream(mut connection: RawConnection, head: &[u8], beginning: &[u8], framing: Framing) -> Flood {
    let mut streamed = 0;
    let mut heard = Vec::new();
    let mut writable = connection.write(head, STALL).await.is_ok();
    let mut piece = Vec::with_capacity(PIECE + 32);
    // White space may follow JSON, and anything text: what is sent stays of the kind that was declared.
    let fill = |piece: &mut Vec<u8>, first: bool| {
        let start = piece.len();
        if first {
            piece.extend_from_slice(&beginning[..beginning.len().min(PIECE)]);
        }
        piece.resize(start + PIECE, b' ');
    };
    while writable && streamed < STREAMED {
        piece.clear();
        match framing {
            Framing::Declared => fill(&mut piece, streamed == 0),
            Framing::Chunked => {
                piece.extend_from_slice(format!("{PIECE:x}\r\n").as_bytes());
                fill(&mut piece, streamed == 0);
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
    if streamed < STREAMED {
        let rest = connection.listen(64 << 10, ANSWER).await;
        heard.extend_from_slice(&rest.bytes);
        return Flood::new(streamed, &heard, rest.ended);
    }
    // Some refuse only once they have read everything: a body that can end is ended, so that this is told apart.
    let rest = match framing {
        Framing::Chunked if connection.write(b"0\r\n\r\n", STALL).await.is_ok() => {
            connection.listen_answer(LATE_ANSWER).await
        }
        _ => connection.listen(64 << 10, GLANCE).await,
    };
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

    fn good(status: Option<u16>, streamed: usize, known: bool) -> Option<bool> {
        let flood = Flood { streamed, status, ended: Ended::Closed, came: String::new() };
        judge(&flood, known, Framing::Chunked, "a body").0
    }

    #[test]
    fn an_answer_about_something_else_says_nothing_about_bodies() {
        for status in ABOUT_OTHER {
            assert_eq!(good(Some(status), PIECE, true), None, "{status}");
        }
        assert_eq!(good(Some(400), PIECE, false), None);
        assert_eq!(good(Some(400), PIECE, true), Some(true));
        assert_eq!(good(Some(413), PIECE, false), Some(true), "that is about its size, whatever is known");
    }

    #[test]
    fn a_refused_method_or_coding_needs_no_limit_on_its_body() {
        assert_eq!(good(Some(405), PIECE, false), Some(true));
        assert_eq!(good(Some(501), PIECE, false), Some(true));
        assert_eq!(good(Some(501), PIECE, true), Some(true));
        assert_eq!(good(Some(411), 0, true), Some(true));
    }

    #[test]
    fn a_body_that_was_read_whole_falls_short_for_every_answer() {
        assert_eq!(good(Some(413), STREAMED, true), Some(false));
        assert_eq!(good(None, STREAMED, true), Some(false));
    }

    #[test]
    fn a_refusal_after_the_whole_body_differs_from_no_limit() {
        let told = |status| {
            let flood = Flood { streamed: STREAMED, status, ended: Ended::Closed, came: String::new() };
            judge(&flood, true, Framing::Chunked, "a body").1
        };
        assert_eq!(told(Some(413)), "a body is read whole (64 MiB) before it is refused with 413");
        assert_eq!(told(Some(201)), "a body is taken without a limit: 64 MiB were read");
        assert_eq!(told(None), "a body is taken without a limit: 64 MiB were read");
        let flood = Flood { streamed: STREAMED, status: None, ended: Ended::StillOpen, came: String::new() };
        let (good, told) = judge(&flood, true, Framing::Declared, "a body");
        assert_eq!((good, told.as_str()), (Some(false), "a body is read for 64 MiB before any limit shows"));
    }
}
