//! Connections that are opened and dropped as fast as allowed.

use futures_util::future::join_all;

use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Findings, Mark};

/// Opened at a time.
const BATCH: usize = 50;

pub(super) const ATTACK: Attack = Attack {
    id: "connection-flood",
    what: "opens connections as fast as allowed, half a request on each, and resets them",
    source: "CWE-770; RFC 4987 for its older kin",
    correct: "others are served meanwhile; refusing some is right",
    memory: None,
    launch: |context| Box::pin(launch(context)),
};

async fn launch(context: &Context<'_>) -> Findings {
    let half = context.opened_head(&context.read()).into_bytes();
    let (mut opened, mut failed) = (0, 0);
    let mut going = true;
    while going {
        let mut batch = Vec::new();
        for _ in 0..BATCH {
            going = context.turn().await;
            if !going {
                break;
            }
            batch.push(one(context, &half));
        }
        let done = tokio::time::timeout_at(context.deadline(), join_all(batch)).await.unwrap_or_default();
        opened += done.iter().filter(|done| **done).count();
        failed += done.iter().filter(|done| !**done).count();
    }
    let what = format!("{opened} connections were opened and reset, {failed} could not be opened");
    Ok(vec![Evidence::new(if failed > opened { Mark::Right } else { Mark::Tolerated }, what)])
}

async fn one(context: &Context<'_>, half: &[u8]) -> bool {
    let Ok(mut connection) = context.open_connection().await else { return false };
    let written = connection.write(half, context.bounds.answer).await.is_ok();
    // Closed is closed, in order or not.
    let _ = connection.reset();
    written
}
