//! `call.fallback` on its specimens.

use tokio::join;

use crate::finding::Verdict;
use crate::probes::call::testing::examine;
use crate::testing::{calls_for_prices, examine_declared, falls_short, holds, is_unknown, mentions};

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_the_dependency_go_on_without_it() {
    let finding = examine("call.fallback", "call-good").await;
    holds(&finding);
    let finding = examine("call.fallback", "call-entangled").await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mix_that_always_needs_the_dependency_is_unknown() {
    let finding = examine_declared("call.fallback", "call-good", |subject| {
        calls_for_prices(subject);
        subject.requests.retain(|request| !request.uses.is_empty());
    })
    .await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_degraded_answer_must_say_so() {
    const ID: &str = "call.fallback";
    let (remembering, inventing, forgetful) =
        join!(examine(ID, "call-remembering"), examine(ID, "call-inventing"), examine(ID, "call-forgetful"));
    holds(&remembering);
    mentions(&remembering, "says so by its field /stale");
    falls_short(&inventing, &["says other things, and not that it is without: /price"]);
    is_unknown(&forgetful, "from memory without saying so");
}
