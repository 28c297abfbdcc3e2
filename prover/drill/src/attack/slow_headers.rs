//! Heads that never end (slowloris): each connection costs the client a line now and then, and the server whatever a request
//! costs it.

use super::Attack;
use super::ground::Ground;
use super::hold::{self, Manner};
use super::outcome::Findings;

pub(super) const ATTACK: Attack = Attack {
    id: "slow-headers",
    what: "holds many connections with heads that grow by a line twice a second and never end",
    source: "slowloris (R. Hansen, 2009), CVE-2007-6750",
    correct: "a head has a limit in time: 408 or a closed connection (RFC 9110, 15.5.9); or connections of one address are \
              limited. Others are served meanwhile",
    memory: None,
    launch: |ground| Box::pin(launch(ground)),
};

async fn launch(ground: &Ground<'_>) -> Findings {
    let first = ground.opened_head(&ground.read()).into_bytes();
    let manner = Manner { first, drip: b"X-Slow: 1\r\n", answered_is_done: true, unread: false, requests: 1 };
    Ok(hold::hold(ground, &manner).await.evidence(ground, "a head without end"))
}
