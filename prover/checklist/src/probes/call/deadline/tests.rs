//! `call.deadline` on its specimens.

use std::time::Duration;

use tokio::join;

use crate::finding::{Finding, Verdict};
use crate::subject::Subject;
use crate::testing::{calls_for_prices, examine_declared, is_unknown, is_unless_busy, mentions};

/// With a deadline above what a call of the specimens of patience may take for anybody.
async fn examine_deadline(name: &str) -> Finding {
    let declare = |subject: &mut Subject| {
        calls_for_prices(subject);
        subject.deadline = Duration::from_secs(2);
    };
    let finding = examine_declared("call.deadline", name, declare).await;
    assert!(!finding.evidence().is_empty(), "{finding:?}");
    finding
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_end_with_their_callers_patience_and_say_what_is_left_of_it() {
    let finding = examine_deadline("patience-carrying").await;
    assert_eq!(finding.verdict(), Verdict::Holds, "{finding:#?}");
    assert!(finding.evidence().iter().any(|piece| piece.what.starts_with("a repeat")), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_go_on_after_the_caller_has_left_fall_short() {
    let finding = examine_deadline("call-good").await;
    is_unless_busy(&finding, Verdict::FallsShort);
    mentions(&finding, "when a caller left");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_say_more_than_is_left_fall_short() {
    let (extending, stale) = join!(examine_deadline("patience-extending"), examine_deadline("patience-stale"));
    assert_eq!(extending.verdict(), Verdict::FallsShort, "{extending:#?}");
    mentions(&extending, "its call said 1.5s");
    assert_eq!(stale.verdict(), Verdict::FallsShort, "{stale:#?}");
    mentions(&stale, "a repeat");
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_that_are_not_seen_to_travel_are_unknown() {
    let (mute, wavering, watchful) = join!(
        examine_deadline("patience-mute"),
        examine_deadline("patience-wavering"),
        examine_deadline("patience-watchful"),
    );
    for (finding, why) in
        [(mute, "not each call told"), (wavering, "of 2 calls were given up"), (watchful, "when a caller left")]
    {
        assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
        mentions(&finding, why);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_deadline_for_every_caller_is_not_the_callers_deadline() {
    let finding = examine_deadline("patience-fixed").await;
    is_unknown(&finding, "no more when no caller states a deadline");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn a_service_that_answers_too_late_is_asked_by_callers_that_leave_as_well() {
    let finding = examine_deadline("call-patient").await;
    is_unless_busy(&finding, Verdict::FallsShort);
    mentions(&finding, "a request that says nothing had no answer after");
    mentions(&finding, "when a caller left");
}
