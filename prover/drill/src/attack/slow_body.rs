//! Bodies that come a byte at a time (R.U.D.Y.).

use super::Attack;
use super::ground::Ground;
use super::hold::{self, Manner};
use super::outcome::Findings;

/// The declared length: below any limit on bodies, and never reached.
const DECLARED: usize = 4_096;

pub(super) const ATTACK: Attack = Attack {
    id: "slow-body",
    what: "holds many connections with bodies of which a byte comes twice a second",
    source: "R.U.D.Y. (R-U-Dead-Yet, 2010), OWASP slow HTTP POST",
    correct: "a body has a limit in time or a least rate: 408 or a closed connection; or the request is refused before its body \
              is waited for. Others are served meanwhile",
    memory: None,
    launch: |ground| Box::pin(launch(ground)),
};

async fn launch(ground: &Ground<'_>) -> Findings {
    let (request, _) = ground.body_route();
    let mut first = ground.head(&request, &format!("Content-Length: {DECLARED}\r\n"));
    first.push(b' ');
    let manner = Manner { first, drip: b" ", answered_is_done: true, unread: false, requests: 1 };
    Ok(hold::hold(ground, &manner).await.evidence(ground, "a body without end"))
}
