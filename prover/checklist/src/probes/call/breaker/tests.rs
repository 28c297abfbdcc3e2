//! `call.breaker` on its specimens.

use tokio::join;

use crate::clause::call::breaker::{FAILURE_RATE, SLOW_CALLS};
use crate::finding::{Evidence, Verdict};
use crate::probes::call::testing::{also_taxes, examine};
use crate::testing::{examine_declared, falls_short, holds, holds_but_for, is_unknown, mentions, was_busy};

const ID: &str = "call.breaker";

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_spares_a_failing_dependency_and_lets_calls_come_back() {
    let (breaks, calls_on) = join!(examine(ID, "calls-breaking"), examine(ID, "call-good"));
    if !was_busy(&breaks) {
        holds_but_for(&breaks, &[SLOW_CALLS]);
    }
    let controlled = |piece: &&Evidence| piece.control().is_some_and(|told| told.contains("succeeded in peace"));
    assert!(breaks.evidence().iter().any(|piece| controlled(&piece)), "{breaks:#?}");
    assert_eq!(calls_on.verdict(), Verdict::FallsShort, "{calls_on:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_that_counts_late_calls_holds_whole() {
    let finding = examine(ID, "calls-observant").await;
    if !was_busy(&finding) {
        holds(&finding);
        mentions(&finding, "four fifths");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_must_open_when_calls_time_out_too() {
    let finding = examine(ID, "calls-forgiving").await;
    falls_short(&finding, &["silent"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_that_spares_calls_in_peace_as_well_is_no_breaker() {
    let finding = examine(ID, "calls-rationed").await;
    is_unknown(&finding, "requests succeeded in peace: the load by itself is refused");
    assert!(finding.clauses().iter().all(|clause| clause.verdict == Verdict::Unknown), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_of_calls_does_not_stand_for_a_breaker_that_opens_at_silence() {
    let finding = examine(ID, "calls-crowded").await;
    is_unknown(&finding, "a bound of calls at a time would spare them as well");
    assert_eq!(finding.verdict_on(FAILURE_RATE), Some(Verdict::Unknown), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_dependency_needs_its_breaker() {
    let finding = examine_declared(ID, "calls-breaking", also_taxes).await;
    falls_short(&finding, &["taxes answered 503"]);
    mentions(&finding, "prices answered 503");
}
