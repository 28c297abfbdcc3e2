//! `border.criticality` on specimens that do 100 requests of work a second, however fast the machine is.

use std::time::Duration;

use crate::clause::border::criticality::{FAIR_SHARES, LEAST_FIRST};
use crate::finding::{Bearing, Finding};
use crate::lab::capacity::Capacity;
use crate::probes::support::overload::testing::{PACE, works};
use crate::subject::{Criticality, RequestSpec, Subject};
use crate::testing::{examine_in, falls_short, get, holds, holds_but_for, lab, mentions};

fn classes(subject: &mut Subject) {
    works(subject);
    let of = |path, criticality| RequestSpec { criticality, ..get(path) };
    subject.requests = vec![
        of("/critical", Some(Criticality::Critical)),
        of("/default", None),
        of("/sheddable", Some(Criticality::Sheddable)),
    ];
}

async fn examine(name: &str, declare: impl FnOnce(&mut Subject)) -> Finding {
    let mut lab = lab(name, declare).await;
    lab.pace = PACE;
    // What border.shed would have found.
    lab.capacity = Some(Ok(Capacity { rate: 100.0, peace: Duration::from_millis(40) }));
    examine_in("border.criticality", &mut lab).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_calls_its_requests_critical_must_not_take_the_share_of_others() {
    let finding = examine("classes-claimed", |subject| {
        works(subject);
        subject.requests = vec![get("/default")];
    })
    .await;
    falls_short(&finding, &["that says criticality: critical"]);
    let told = finding.pieces(Bearing::For).any(|piece| piece.clause() == Some(FAIR_SHARES.id()));
    assert!(told, "without the header the clients have equal shares: {finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn a_service_that_serves_the_most_critical_requests_and_clients_in_turn_holds() {
    holds(&examine("classes-ordered", classes).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn a_service_that_refuses_all_alike_falls_short() {
    // Its clients share by chance: that clause differs from run to run.
    let finding = examine("loaded-refuses", classes).await;
    falls_short(&finding, &["critical requests"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn classes_in_the_wrong_order_and_clients_in_the_order_of_arrival_fall_short() {
    falls_short(&examine("classes-upside-down", classes).await, &["critical requests"]);
    let finding = examine("classes-greedy", classes).await;
    falls_short(&finding, &["beside one client"]);
    assert_eq!(finding.verdict_on(LEAST_FIRST), Some(crate::finding::Verdict::Holds), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn an_order_that_is_not_declared_is_not_seen() {
    let finding = examine("classes-undeclared", |subject| {
        works(subject);
        subject.requests = vec![get("/work")];
    })
    .await;
    holds_but_for(&finding, &[LEAST_FIRST]);
    mentions(&finding, "declare `criticality");
}
