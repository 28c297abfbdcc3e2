//! Connections that are opened and say nothing.

use super::Attack;
use super::ground::Ground;
use super::hold::{self, Manner};
use super::outcome::Findings;

pub(super) const ATTACK: Attack = Attack {
    id: "idle",
    what: "holds many connections that never send a byte",
    source: "RFC 9112, 9.5 (failures and timeouts); CWE-400",
    correct: "silent connections are cut after a while, or limited for an address, or given up for newer ones. Others are \
              served meanwhile",
    memory: None,
    launch: |ground| Box::pin(launch(ground)),
};

async fn launch(ground: &Ground<'_>) -> Findings {
    let manner = Manner { first: Vec::new(), drip: b"", answered_is_done: true, unread: false, requests: 1 };
    Ok(hold::hold(ground, &manner).await.evidence(ground, "nothing sent"))
}
