//! `call.bad-answers` on its specimens.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use crate::finding::{Bearing, Verdict};
use crate::probes::call::testing::examine;
use crate::subject::Dependencies;
use crate::testing::{calls_for_prices, examine_declared, falls_short, holds, is_unknown, mentions, says};

#[tokio::test(flavor = "multi_thread")]
async fn bad_answers_must_become_clear_ones() {
    let finding = examine("call.bad-answers", "call-good").await;
    holds(&finding);
    let finding = examine("call.bad-answers", "call-trusting").await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "bad bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_grows_with_a_bad_answer_falls_short() {
    let finding = examine("call.bad-answers", "call-greedy").await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "resident memory");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_with_a_bad_answer_falls_short() {
    let finding = examine("call.bad-answers", "call-mortal").await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_that_is_made_up_is_no_clear_error_and_one_that_says_so_is() {
    let finding = examine("call.bad-answers", "call-inventing").await;
    falls_short(&finding, &["what is made up: /price"]);
    let finding = examine("call.bad-answers", "call-remembering").await;
    holds(&finding);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_http_are_not_tried_with_another_protocol_and_faults_of_the_connection_are() {
    let finding = examine_declared("call.bad-answers", "call-good", |subject| {
        calls_for_prices(subject);
        let Dependencies::Declared(declared) = &mut subject.dependencies else { return };
        let port = declared[0].url.port().unwrap();
        declared[0].url = format!("tcp://127.0.0.1:{port}").parse().unwrap();
        declared[0].value = Some("http://{host}:{port}".to_owned());
    })
    .await;
    is_unknown(&finding, "answers without end was not tried: it is called at tcp://");
    says(&finding, Bearing::For, &["when prices breaks off after 20 bytes", "when prices resets the connection"]);
}
