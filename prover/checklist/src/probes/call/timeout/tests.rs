//! `call.timeout` on its specimens.

use std::time::Duration;

use tokio::join;

use crate::clause::call::timeout::{CONNECT, DEADLINE, FIRST_BYTE};
use crate::finding::{Evidence, Finding, Verdict};
use crate::probes::border::testing::relaying;
use crate::subject::{Dependencies, RequestSpec, Subject};
use crate::testing::{calls_for_prices, command, examine_declared, falls_short, holds, mentions};

const ID: &str = "call.timeout";

/// With more time than the other probes of the chapter give: on a busy machine a call of 0.7 s has ended after two.
fn patient(subject: &mut Subject) {
    calls_for_prices(subject);
    subject.deadline = Duration::from_secs(2);
}

async fn examine(name: &str) -> Finding {
    examine_declared(ID, name, patient).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_may_wait_for_ever_falls_short() {
    let (good, patient) = join!(examine("call-good"), examine("call-patient"));
    holds(&good);
    mentions(&good, "taking no connection");
    assert_eq!(patient.verdict_on(FIRST_BYTE), Some(Verdict::FallsShort), "{patient:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_behind_an_answer_in_time_falls_short() {
    let finding = examine("call-leaking").await;
    falls_short(&finding, &["calls pile up"]);
    assert_eq!(finding.verdict_on(DEADLINE), Some(Verdict::FallsShort), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_waits_for_ever_to_be_taken_falls_short() {
    let finding = examine("call-unconnected").await;
    assert_eq!(finding.verdict_on(CONNECT), Some(Verdict::FallsShort), "{finding:#?}");
    assert_eq!(finding.verdict_on(FIRST_BYTE), Some(Verdict::Holds), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_calls_share_may_stay_open() {
    let on_a_bus = |subject: &mut Subject| {
        patient(subject);
        let Dependencies::Declared(declared) = &mut subject.dependencies else { return };
        let port = declared[0].url.port().unwrap_or_default();
        declared[0].url = format!("tcp://127.0.0.1:{port}").parse().expect("a loopback URL is a URL");
        (declared[0].run, declared[0].ready) = (Some(command("call-bus", port)), None);
    };
    let finding = examine_declared(ID, "call-multiplexed", on_a_bus).await;
    holds(&finding);
    mentions(&finding, "calls share them");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_a_connection_that_was_reset_before_is_no_answer_to_silence() {
    let twice = |subject: &mut Subject| {
        relaying(subject);
        let user = subject.requests.last().cloned().unwrap_or_default();
        subject.requests.push(RequestSpec { name: "the same again".to_owned(), ..user });
    };
    let finding = examine_declared(ID, "border-keeps-connections", twice).await;
    let stale = |piece: &&Evidence| piece.clause() == Some(FIRST_BYTE.id()) && piece.what.contains("is answered 500");
    assert_eq!(finding.evidence().iter().filter(stale).count(), 0, "{finding:#?}");
    assert_eq!(finding.verdict_on(FIRST_BYTE), Some(Verdict::Holds), "{finding:#?}");
}
