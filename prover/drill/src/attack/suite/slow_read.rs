//! Answers that are never read, through a window of almost nothing.

use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::Findings;
use crate::attack::slow_client::{self, Manner};

/// Bytes of answers asked for on each connection: more than the two kernels keep for it, which is some 40 KiB where so little
/// fits in a segment and nothing is read.
const ASKED: u64 = 96 << 10;
/// Requests on one connection at most.
const PIPELINED: u64 = 400;

pub(super) const ATTACK: Attack = Attack {
    id: "slow-read",
    what: "asks for many answers on each of many connections and reads none of them",
    source: "slow read (S. Shekyan, 2012); sockstress, CVE-2008-4609",
    correct: "an answer has a limit in time or a least rate; or connections of one address are limited. Others are served \
              meanwhile",
    memory: None,
    launch: |context| Box::pin(launch(context)),
};

async fn launch(context: &Context<'_>) -> Findings {
    let bytes = context.bytes(&context.read());
    let length = context.exchange(&bytes, context.bounds.answer).await?.bytes.len() as u64;
    let times = ASKED.div_ceil(length.max(1)).clamp(1, PIPELINED);
    let first = bytes.repeat(times as usize);
    let manner = Manner { first, drip: b"", answered_is_done: false, unread: true, requests: times };
    let what = format!("{times} answers of {length} bytes unread");
    Ok(slow_client::hold(context, &manner).await.evidence(context, &what))
}
