//! `border.connections`: connections are limited per address and in all; the limit holds under a flood; HTTP/2 floods are harmless.
//!
//! - **Hypothesis**: one address cannot take all connections, others are answered promptly during its flood, and it is served
//!   again afterwards.
//! - **Sent**: up to 2,000 connections from 127.0.0.2, each with a head that lacks its last line, of which a sample is then
//!   completed (that a connection was accepted by the kernel's backlog says nothing); 500 connections that are dropped at once; the
//!   same number again spread over many addresses; where HTTP/2 is spoken without TLS, 2,000 streams that are reset at once and
//!   4 MiB of CONTINUATION frames.
//! - **Decides**: all accepted and served, others late or unanswered, no recovery within 10 s, a header block without end
//!   that is taken: fall short. That more than 2,000 in all are limited cannot be seen: a note.
//! - **Blast radius**: connections and memory of the service for some seconds.
//! - **Bound in time**: about 5 s against a service that refuses or answers; 90 s at most.

use self::client::Client;
use super::support::harmless::in_peace;
use crate::clause::border::connections as clause;
use crate::finding::Finding;
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::descriptors;

mod client;
mod h2c;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "border.connections";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The most connections that are held at once.
const FLOOD: usize = 2_000;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let (listener, harmless) = match in_peace(ID, lab).await {
        Ok(both) => both,
        Err(finding) => return finding,
    };
    if !listener.takes_many_sources() {
        let reason =
            "it does not listen on an IPv4 loopback address: clients cannot be told apart; let it listen on 127.0.0.1";
        return Finding::unknown(ID, reason, Vec::new());
    }
    let count = descriptors::spare(FLOOD);
    let mut evidence = Vec::new();
    if count < FLOOD {
        evidence.push(
            clause::IN_ALL.gap(format!("keel may open only {count} connections: raise its limit of descriptors")),
        );
    }
    let client = Client { listener: &listener, harmless: &harmless };
    let allowed = client.one_address(count, &mut evidence).await;
    client.burst(&mut evidence).await;
    client.recovery(&mut evidence).await;
    if let Some(allowed) = allowed {
        client.many_addresses(count, allowed, &mut evidence).await;
        client.recovery(&mut evidence).await;
    }
    evidence.extend(h2c::floods(&client).await);
    Finding::judge(ID, evidence)
}
