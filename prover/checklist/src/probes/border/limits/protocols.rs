//! The other protocols on the same port: HTTP/2, over TLS where that is spoken, and WebSocket.

use std::time::Duration;

use keel_wire::http::Request;
use keel_wire::http2::{
    CONTINUATION, END_HEADERS, END_STREAM, GOAWAY, HEAD, HEADERS, PREFACE, RST_STREAM, SETTINGS, frame, literal,
};
use keel_wire::raw::Ended;

use super::super::support::harmless::Harmless;
use super::super::support::writes::reads;
use crate::clause::border::limits as clause;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::support::listener::Listener;

/// Time limit of a write or an answer.
const EACH: Duration = Duration::from_secs(3);
/// Size of a header field, in bytes.
const FIELD: usize = 100;
/// Number of fields in a frame: less than the 16 KiB that every peer accepts.
const FIELDS: usize = 100;
/// Number of frames: 256 KiB and more in all.
const FRAMES: usize = 25;
/// The most paths that are asked for a WebSocket.
const PATHS: usize = 6;

/// Judges whether limits hold in the protocols that it speaks beside HTTP/1.
pub(super) async fn examine(lab: &Lab, listener: &Listener, harmless: &Harmless) -> Evidence {
    if let Some(path) = web_socket(lab).await {
        return clause::PROTOCOLS.gap(format!("{path} speaks WebSocket, whose limits this version does not examine"));
    }
    match large_headers(listener, harmless).await {
        None => clause::PROTOCOLS.holds(format!(
            "it speaks neither HTTP/2 {} nor WebSocket on a declared path: HTTP/1 was examined",
            listener.http2_way()
        )),
        Some((good, what)) => clause::PROTOCOLS.maybe(good, format!("250 KiB of headers over HTTP/2 are {what}")),
    }
    .by(&harmless.control)
}

/// The first path of the mix that lets itself be upgraded.
async fn web_socket(lab: &Lab) -> Option<String> {
    let gets = lab.mix().into_iter().filter(reads).take(PATHS);
    for request in gets.map(|spec| lab.fill(&spec)).chain([Request::get("/")]) {
        let path = request.path.clone();
        let request = request
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "a2VlbCBhc2tzIGtlZWwgYQ==");
        let listener = Listener::of(lab).await.ok()?;
        let head = listener.head(&request, "Connection: Upgrade\r\n");
        let heard = listener.exchange(&head, EACH).await.ok()?;
        if heard.bytes.starts_with(b"HTTP/1.1 101") {
            return Some(path);
        }
    }
    None
}

/// Returns the outcome of one request with many headers over HTTP/2; `None` if HTTP/2 is not spoken.
async fn large_headers(listener: &Listener, harmless: &Harmless) -> Option<(Option<bool>, &'static str)> {
    let mut connection = listener.open_http2(None, EACH).await.ok()?;
    connection.write(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat(), EACH).await.ok()?;
    let hello = connection.listen(HEAD, EACH).await;
    if hello.bytes.len() < HEAD || hello.bytes[3] != SETTINGS || hello.bytes[5..HEAD] != [0; 4] {
        return None;
    }
    let mut bytes = frame(SETTINGS, 1, 0, &[]);
    bytes.extend(frame(HEADERS, END_STREAM, 1, &listener.http2_get(&harmless.request.path)));
    for n in 0..FRAMES {
        let mut block = Vec::new();
        for _ in 0..FIELDS {
            literal(&mut block, b"x-keel", &[b'a'; FIELD]);
        }
        bytes.extend(frame(CONTINUATION, if n + 1 == FRAMES { END_HEADERS } else { 0 }, 1, &block));
    }
    let written = connection.write(&bytes, EACH).await.is_ok();
    let mut heard = hello.bytes;
    let mut ended = Ended::StillOpen;
    while ended == Ended::StillOpen && answer(&heard).is_none() {
        let more = connection.listen(64 << 10, EACH).await;
        if more.bytes.is_empty() && more.ended == Ended::StillOpen {
            break;
        }
        heard.extend(more.bytes);
        ended = more.ended;
    }
    Some(match answer(&heard) {
        Some(answer) => answer,
        None if ended != Ended::StillOpen || !written => (Some(true), "cut"),
        None => (None, "not answered"),
    })
}

/// Returns the outcome in the first frame about the request.
fn answer(mut bytes: &[u8]) -> Option<(Option<bool>, &'static str)> {
    while bytes.len() >= HEAD {
        let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
        let payload = bytes.get(HEAD..HEAD + length)?;
        match bytes[3] {
            GOAWAY | RST_STREAM => return Some((Some(true), "refused")),
            HEADERS => return Some(status(payload)),
            _ => bytes = &bytes[HEAD + length..],
        }
    }
    None
}

/// The status comes first in a header block; 200, 204, 206, 304, 400, 404 and 500 have an index of their own (RFC 7541, A).
fn status(block: &[u8]) -> (Option<bool>, &'static str) {
    let first = block.iter().find(|byte| **byte & 0xe0 != 0x20);
    match first {
        Some(0x88..=0x8a) => (Some(false), "taken"),
        Some(0x8c) => (Some(true), "refused with 400"),
        Some(0x8e) => (Some(false), "answered 500"),
        Some(0x08 | 0x18 | 0x48) => (Some(true), "refused with another status"),
        _ => (None, "answered in a way that was not understood"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_stream_is_a_refusal_and_a_200_is_not() {
        let settings = frame(SETTINGS, 0, 0, &[0; 6]);
        let refused = [settings.clone(), frame(RST_STREAM, 0, 1, &[0; 4])].concat();
        assert_eq!(answer(&refused).and_then(|(good, _)| good), Some(true));
        let taken = [settings.clone(), frame(HEADERS, END_HEADERS, 1, &[0x20, 0x88, 0x5f])].concat();
        assert_eq!(answer(&taken).and_then(|(good, _)| good), Some(false));
        assert_eq!(answer(&settings), None);
    }
}
