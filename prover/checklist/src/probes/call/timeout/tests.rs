//! `call.timeout` on its specimens.

use std::time::Duration;

use crate::clause::call::timeout::{CONNECT, TLS};
use crate::finding::{Finding, Verdict};
use crate::subject::Subject;
use crate::testing::holds_but_for;
use crate::testing::{calls_for_prices, examine_declared};

/// With more time than the other probes of the chapter give: on a busy machine a call of 0.7 s has ended after two.
async fn examine(name: &str) -> Finding {
    let patient = |subject: &mut Subject| {
        calls_for_prices(subject);
        subject.deadline = Duration::from_secs(2);
    };
    examine_declared("call.timeout", name, patient).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_may_wait_for_ever_falls_short() {
    let finding = examine("call-good").await;
    holds_but_for(&finding, &[CONNECT, TLS]);
    let finding = examine("call-patient").await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
}
