//! `call.retry` on its specimens.

use crate::clause::call::retry::RETRIED;
use tokio::join;

use crate::finding::Verdict;
use crate::probes::call::testing::examine;
use crate::subject::{RequestSpec, Subject};
use crate::testing::{calls_for_prices, examine_declared, is_unless_busy, mentions, request};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_not_idempotent_is_sent_once() {
    let also_orders = |subject: &mut Subject| {
        calls_for_prices(subject);
        subject.requests.push(RequestSpec { uses: vec!["prices".to_owned()], ..request("POST", "/order") });
    };
    let (retrying, careless) = join!(
        examine_declared("call.retry", "calls-retrying", also_orders),
        examine_declared("call.retry", "calls-careless", also_orders),
    );
    is_unless_busy(&retrying, Verdict::Holds);
    assert_eq!(careless.verdict(), Verdict::FallsShort, "{careless:#?}");
    mentions(&careless, "not safe to repeat");

    let only_orders = |subject: &mut Subject| {
        also_orders(subject);
        subject.requests.retain(|request| request.path != "/price");
    };
    let (retrying, careless) = join!(
        examine_declared("call.retry", "calls-retrying", only_orders),
        examine_declared("call.retry", "calls-careless", only_orders),
    );
    assert_eq!(retrying.verdict(), Verdict::NotApplicable, "{retrying:#?}");
    assert_eq!(careless.verdict(), Verdict::FallsShort, "{careless:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_end_with_the_request_that_caused_them() {
    let finding = examine("call.retry", "calls-tireless").await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "the deadline is");
    let only_it = finding.evidence().iter().filter(|piece| piece.is_against()).count();
    assert_eq!(only_it, 1, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_that_opens_at_once_hides_repeats() {
    let (retry, budget) = join!(examine("call.retry", "calls-shy"), examine("call.retry-budget", "calls-shy"));
    for finding in [retry, budget] {
        assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
        mentions(&finding, "breaker");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_of_calls_that_are_hung_up_on_count_too() {
    let (retry, budget) = join!(examine("call.retry", "calls-picky"), examine("call.retry-budget", "calls-picky"));
    is_unless_busy(&retry, Verdict::Unknown);
    assert_eq!(retry.verdict_on(RETRIED), Some(Verdict::Holds), "{retry:#?}");
    mentions(&retry, "was hung up on once, came 2 times in all, and the request succeeded");
    assert_eq!(budget.verdict(), Verdict::Holds, "{budget:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_must_pause_and_differ() {
    let (retrying, calls_once) = join!(examine("call.retry", "calls-retrying"), examine("call.retry", "call-good"));
    is_unless_busy(&retrying, Verdict::Holds);
    assert_eq!(calls_once.verdict(), Verdict::FallsShort, "{calls_once:#?}");
    mentions(&calls_once, "came 1 times");
    let finding = examine("call.retry", "calls-stubborn").await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    // What it says of the pause itself is another word where the machine is busy.
    mentions(&finding, "told to come back after 1 s, it repeated");
}
