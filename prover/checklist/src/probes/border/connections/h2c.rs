//! HTTP/2 by hand, over TLS where the service speaks it, else without: rapid reset (CVE-2023-44487) and the CONTINUATION flood (CERT VU#421644).

use std::time::Duration;

use keel_wire::http2::{
    CANCEL, CONTINUATION, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, frame, literal,
};
use keel_wire::raw::{Ended, RawConnection};

use super::client::{Client, FLOODER};
use crate::clause::border::connections as clause;
use crate::finding::Evidence;

/// Streams that are opened and reset at once.
const RESETS: u32 = 2_000;
/// Sent at a time; what came back is looked at after each.
const RESETS_AT_A_TIME: u32 = 100;
/// The most of a header block that never ends, in bytes.
const HEADER_BLOCK: usize = 4 << 20;
/// The largest frame that every peer must take (RFC 9113, 4.2), in bytes.
const FRAME: usize = 16 << 10;
/// Time limit of a write or an answer.
const EACH: Duration = Duration::from_secs(2);
/// Time to look for an answer between two writes.
const GLANCE: Duration = Duration::from_millis(5);
/// Maximum time that a header block without end may stay open after its last frame.
const CUT: Duration = Duration::from_secs(5);

/// Both floods, when the service speaks HTTP/2.
pub(super) async fn floods(client: &Client<'_>) -> Vec<Evidence> {
    if open(client).await.is_none() {
        let what = match client.listener.endpoint.is_tls() {
            true => "it does not speak HTTP/2 over TLS",
            false => {
                "it does not speak HTTP/2 without TLS: name a listener with TLS (https://) where it speaks it there"
            }
        };
        return vec![clause::RAPID_RESET.gap(what), clause::CONTINUATION.gap(what)];
    }
    vec![
        rapid_reset(client).await,
        client.others(clause::RAPID_RESET, "after rapid resets").await,
        continuation(client).await,
    ]
}

/// A connection on which both sides have said their settings; none when the other side does not speak HTTP/2.
async fn open(client: &Client<'_>) -> Option<RawConnection> {
    let mut connection = client.listener.open_http2(Some(FLOODER), EACH).await.ok()?;
    let hello = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    connection.write(&hello, EACH).await.ok()?;
    let heard = connection.listen(9, EACH).await;
    let is_settings = heard.bytes.len() >= 9 && heard.bytes[3] == SETTINGS && heard.bytes[5..9] == [0; 4];
    is_settings.then_some(connection)
}

async fn rapid_reset(client: &Client<'_>) -> Evidence {
    let Some(mut connection) = open(client).await else {
        return clause::RAPID_RESET.gap("a second HTTP/2 connection was refused: rapid reset was not examined");
    };
    let block = client.listener.http2_get(&client.harmless.request.path);
    let mut heard = Vec::new();
    for first in (0..RESETS).step_by(RESETS_AT_A_TIME as usize) {
        let mut bytes = Vec::new();
        for stream in (first..first + RESETS_AT_A_TIME).map(|n| 2 * n + 1) {
            bytes.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, &block));
            bytes.extend(frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
        }
        let written = connection.write(&bytes, EACH).await;
        let glance = connection.listen(1 << 20, GLANCE).await;
        heard.extend(glance.bytes);
        if written.is_err() || glance.ended != Ended::StillOpen || has_goaway(&heard) {
            let what = format!("rapid reset is cut after at most {} of {RESETS} streams", first + RESETS_AT_A_TIME);
            return clause::RAPID_RESET.holds(what);
        }
    }
    // Not cut: harmless all the same when others are served, which the next piece of evidence says.
    clause::RAPID_RESET
        .figure(format!("{RESETS} streams were opened and reset at once on one connection, which stays open"))
}

async fn continuation(client: &Client<'_>) -> Evidence {
    let Some(mut connection) = open(client).await else {
        return clause::CONTINUATION.gap("another HTTP/2 connection was refused: CONTINUATION was not examined");
    };
    let mut heard = Vec::new();
    let request = client.listener.http2_get(&client.harmless.request.path);
    let begun = connection.write(&frame(HEADERS, END_STREAM, 1, &request), EACH).await;
    let filler = header_fields(FRAME);
    let piece = frame(CONTINUATION, 0, 1, &filler);
    let mut sent = 0;
    let mut cut = begun.is_err();
    while !cut && sent < HEADER_BLOCK {
        cut = connection.write(&piece, EACH).await.is_err();
        sent += filler.len();
        let glance = connection.listen(1 << 20, GLANCE).await;
        heard.extend(glance.bytes);
        cut |= glance.ended != Ended::StillOpen || has_goaway(&heard);
    }
    if !cut {
        let rest = connection.listen(1 << 20, CUT).await;
        heard.extend(rest.bytes);
        cut = rest.ended != Ended::StillOpen || has_goaway(&heard);
    }
    let kibibytes = sent >> 10;
    match cut {
        true => {
            clause::CONTINUATION.holds(format!("a header block of CONTINUATION frames is cut after {kibibytes} KiB"))
        }
        false => clause::CONTINUATION
            .contradicts(format!("a header block of {kibibytes} KiB in CONTINUATION frames is taken")),
    }
}

/// Returns true if a GOAWAY is among these frames (the bytes start after the first frame's head, so its payload comes first).
fn has_goaway(bytes: &[u8]) -> bool {
    // Frames are aligned only when nothing was cut off before; the fixed shape of GOAWAY's head is looked for instead:
    // its type, no flags, stream 0.
    bytes.windows(6).any(|window| window == [GOAWAY, 0, 0, 0, 0, 0])
}

/// Valid header fields of exactly this many bytes in all.
fn header_fields(size: usize) -> Vec<u8> {
    let mut block = Vec::with_capacity(size);
    while size - block.len() >= 2 * 68 {
        literal(&mut block, b"x-a", &[b'a'; 62]); // 68 bytes each
    }
    let rest = size - block.len();
    // At least 68 bytes are left: one field takes them, its two lengths within a byte each.
    literal(&mut block, b"x-a", &vec![b'a'; (rest - 6).min(126)]);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_continuation_frame_is_never_larger_than_every_peer_must_take() {
        assert!((FRAME - 16..=FRAME).contains(&header_fields(FRAME).len()));
    }
}
