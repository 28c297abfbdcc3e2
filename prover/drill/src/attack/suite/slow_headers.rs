//! Heads that never end (slowloris): each connection costs the client a line now and then, and the server all the resources of a
//! request.

use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::Findings;
use crate::attack::slow_client::{self, Manner};

pub(super) const ATTACK: Attack = Attack {
    id: "slow-headers",
    what: "holds many connections with heads that grow by a line twice a second and never end",
    source: "slowloris (R. Hansen, 2009), CVE-2007-6750",
    correct: "a head has a limit in time: 408 or a closed connection (RFC 9110, 15.5.9); or connections of one address are \
              limited. Others are served meanwhile",
    memory: None,
    launch: |context| Box::pin(launch(context)),
};

async fn launch(context: &Context<'_>) -> Findings {
    let first = context.opened_head(&context.read()).into_bytes();
    let manner = Manner { first, drip: b"X-Slow: 1\r\n", answered_is_done: true, unread: false, requests: 1 };
    Ok(slow_client::hold(context, &manner).await.evidence(context, "a head without end"))
}
