//! Bodies: streamed without end, and lengths that no server can keep.

use std::time::Duration;

use super::fate::{Fate, fate};
use crate::attack::answers;
use crate::attack::context::{Context, no_connection};
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Excuse, Findings, Mark};
use keel_wire::raw::Ended;

/// The smallest length that is declared and not kept, in bytes.
const SMALLEST: u64 = 1 << 30;
/// Streamed at a time; what came back is looked at after each.
const PIECE: usize = 1 << 20;
/// The time for which the server may leave a piece unread before it counts as not reading.
const STALL: Duration = Duration::from_secs(2);
/// The time of a look for an answer between two pieces.
const GLANCE: Duration = Duration::from_millis(2);

pub(crate) const LONG_BODY: Attack = Attack {
    id: "long-body",
    what: "streams a chunked body without end",
    source: "RFC 9110, 15.5.14; CWE-770",
    correct: "413 or another refusal, or a closed connection, before everything was read",
    memory: None,
    launch: |context| Box::pin(long_body(context)),
};

pub(crate) const DECLARED_LENGTH: Attack = Attack {
    id: "declared-length",
    what: "declares bodies of a gigabyte, of 2^63 and of more than 64 bits, and sends a few bytes",
    source: "RFC 9110, 8.6 (anticipate large numerals); RFC 9112, 6.3",
    correct: "413 or 400, or waiting for the body without setting memory aside",
    memory: Some(SMALLEST / 2),
    launch: |context| Box::pin(declared_length(context)),
};

async fn long_body(context: &Context<'_>) -> Findings {
    let (request, known) = context.body_route();
    let head = context.head(&request, "Transfer-Encoding: chunked\r\n");
    let mut connection = context.open_connection().await.map_err(no_connection)?;
    let mut chunk = format!("{PIECE:x}\r\n").into_bytes();
    chunk.resize(chunk.len() + PIECE, b' ');
    chunk.extend_from_slice(b"\r\n");
    let (mut streamed, mut heard) = (0_u64, Vec::new());
    let mut going = connection.write(&head, STALL).await.is_ok();
    while going && streamed < context.bounds.bytes && context.turn().await {
        going = connection.write(&chunk, STALL).await.is_ok();
        streamed += if going { PIECE as u64 } else { 0 };
        let glance = connection.listen(PIECE, GLANCE).await;
        heard.extend_from_slice(&glance.bytes);
        // An answer that refuses ends the matter; after any other the server may still swallow the rest.
        let refused = answers::first(&heard, 0).is_some_and(|answer| answer.status >= 400);
        going &= glance.ended == Ended::StillOpen && !refused;
    }
    if heard.is_empty() {
        heard = connection.listen(PIECE, context.bounds.answer).await.bytes;
    }
    let status = answers::first(&heard, 0).map(|answer| answer.status);
    let streamed_text = format!("after {} MiB", streamed >> 20);
    let evidence = match status {
        _ if streamed >= context.bounds.bytes && known => {
            Evidence::new(Mark::Wrong, format!("{} MiB of body were read and met no limit", streamed >> 20))
        }
        _ if streamed >= context.bounds.bytes => {
            let read = format!("{} MiB of body were read and met no limit", streamed >> 20);
            return Err(Excuse::Unknown(format!("{read}, at a path that is not known to take one: name one")));
        }
        Some(status @ 400..=499) if known || [405, 411, 413].contains(&status) => {
            Evidence::new(Mark::Right, format!("refused with {status} {streamed_text}"))
        }
        Some(status @ (501 | 503)) => Evidence::new(Mark::Right, format!("refused with {status} {streamed_text}")),
        Some(status @ 400..=499) => {
            let what = format!("{status} {streamed_text}; no path that takes a body is known: name one");
            return Err(Excuse::Unknown(what));
        }
        Some(status @ 500..) => Evidence::new(Mark::Wrong, format!("it fails with {status} {streamed_text}")),
        Some(status) => Evidence::new(Mark::Tolerated, format!("answered {status} and left unread {streamed_text}")),
        None if !going => Evidence::new(Mark::Right, format!("closed or no longer read {streamed_text}")),
        None => return Err(Excuse::Unknown(format!("neither refused nor read to the end {streamed_text}"))),
    };
    Ok(vec![evidence.exchange(answers::shown(&head), answers::shown(&heard))])
}

async fn declared_length(context: &Context<'_>) -> Findings {
    let mut evidence = Vec::new();
    let smallest = SMALLEST.to_string();
    for length in [smallest.as_str(), "9223372036854775808", "99999999999999999999999"] {
        let (request, _) = context.body_route();
        let mut bytes = context.head(&request, &format!("Content-Length: {length}\r\n"));
        bytes.extend_from_slice(b"{}");
        let subject = format!("{length} bytes declared");
        // Whoever waits for the body is within its right: a second is enough to see a refusal.
        let heard = match context.exchange(&bytes, Duration::from_secs(1).min(context.bounds.answer)).await {
            Ok(heard) => heard,
            Err(excuse) => {
                evidence.push(excuse.evidence(&subject));
                continue;
            }
        };
        let piece = match fate(&heard, context.baseline) {
            Fate::Silent => Evidence::new(Mark::Tolerated, format!("{subject}: waited for")),
            Fate::Served(status) => {
                Evidence::new(Mark::Tolerated, format!("{subject}: answered {status} without them"))
            }
            other => match other.evidence(&subject, context, true) {
                Some(piece) => piece,
                None => continue,
            },
        };
        evidence.push(piece.exchange(answers::shown(&bytes), answers::told(&heard)));
    }
    Ok(evidence)
}
