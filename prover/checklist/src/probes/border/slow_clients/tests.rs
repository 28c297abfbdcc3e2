//! `border.slow-clients` on its specimens.

use std::time::Duration;

use super::{Patience, examine_with};
use crate::finding::Finding;
use crate::lab::Lab;
use crate::probes::border::testing::things;
use crate::subject::Subject;
use crate::testing::{falls_short, get, holds, lab};

const SHORT: Patience =
    Patience { cut: Duration::from_secs(8), drip: Duration::from_millis(300), ask: Duration::from_millis(500) };

async fn slow_clients_of(name: &str) -> Finding {
    let declare = |subject: &mut Subject| {
        things(subject);
        subject.requests.push(get("/large"));
    };
    let mut lab: Lab = lab(name, declare).await;
    examine_with(&mut lab, SHORT).await
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_a_server_that_cuts_after_two_seconds() {
    let finding = slow_clients_of("border-sound").await;
    holds(&finding);
    let judged = finding.evidence().iter().filter(|piece| piece.is_for()).count();
    assert_eq!(judged, 6, "five slow clients and the harmless one are judged: {finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_server_that_waits_for_ever() {
    let finding = slow_clients_of("border-patient").await;
    falls_short(&finding, &["a head that", "a body that", "says nothing", "idle after", "never reads"]);
}
