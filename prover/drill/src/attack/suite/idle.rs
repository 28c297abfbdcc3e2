//! Connections that are opened and say nothing.

use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::Findings;
use crate::attack::slow_client::{self, Manner};

pub(super) const ATTACK: Attack = Attack {
    id: "idle",
    what: "holds many connections that never send a byte",
    source: "RFC 9112, 9.5 (failures and timeouts); CWE-400",
    correct: "silent connections are cut after a while, or limited for an address, or given up for newer ones. Others are \
              served meanwhile",
    memory: None,
    launch: |context| Box::pin(launch(context)),
};

async fn launch(context: &Context<'_>) -> Findings {
    let manner = Manner { first: Vec::new(), drip: b"", answered_is_done: true, unread: false, requests: 1 };
    Ok(slow_client::hold(context, &manner).await.evidence(context, "nothing sent"))
}
