//! Bodies that come a byte at a time (R.U.D.Y.).

use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::Findings;
use crate::attack::slow_client::{self, Manner};

/// The declared length: below any limit on bodies, and never reached.
const DECLARED: usize = 4_096;

pub(super) const ATTACK: Attack = Attack {
    id: "slow-body",
    what: "holds many connections with bodies of which a byte comes twice a second",
    source: "R.U.D.Y. (R-U-Dead-Yet, 2010), OWASP slow HTTP POST",
    correct: "a body has a limit in time or a least rate: 408 or a closed connection; or the request is refused before its body \
              is waited for. Others are served meanwhile",
    memory: None,
    launch: |context| Box::pin(launch(context)),
};

async fn launch(context: &Context<'_>) -> Findings {
    let (request, _) = context.body_route();
    let mut first = context.head(&request, &format!("Content-Length: {DECLARED}\r\n"));
    first.push(b' ');
    let manner = Manner { first, drip: b" ", answered_is_done: true, unread: false, requests: 1 };
    Ok(slow_client::hold(context, &manner).await.evidence(context, "a body without end"))
}
