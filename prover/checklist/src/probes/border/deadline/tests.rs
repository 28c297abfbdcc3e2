//! `border.deadline` on its specimens.

use super::{Calls, clause, worked};
use crate::finding::{Bearing, Evidence, Verdict};
use crate::probes::border::testing::{relaying, things};
use crate::subject::{Dependencies, RequestSpec, Subject};
use crate::testing::{
    does_not_apply, examine, examine_declared, falls_short, get, holds, is_unknown, is_unless_busy, mentions, says,
};

fn slow_things(subject: &mut Subject) {
    things(subject);
    subject.dependencies = Dependencies::Declared(Vec::new());
    subject.requests.push(RequestSpec { slow: true, ..get("/slow") });
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_a_server_that_answers_504_and_stops() {
    holds(&examine_declared("border.deadline", "border-sound", slow_things).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_request_is_held_to_the_deadline_that_is_declared_for_it() {
    let hasty = |subject: &mut Subject| {
        slow_things(subject);
        if let Some(slow) = subject.requests.last_mut() {
            slow.deadline = Some(std::time::Duration::ZERO);
        }
    };
    let finding = examine_declared("border.deadline", "border-sound", hasty).await;
    // It is late by a tenth of a second, for which a busy machine may be the reason.
    is_unless_busy(&finding, Verdict::FallsShort);
    mentions(&finding, "the deadline is 0ns");
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_a_server_whose_dependency_is_silent_and_drips() {
    let finding = examine_declared("border.deadline", "border-sound", relaying).await;
    holds(&finding);
    says(&finding, Bearing::For, &["although relay is silent", "although relay drips"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_calls_that_go_on_after_the_answer() {
    let finding = examine_declared("border.deadline", "border-leaks-calls", relaying).await;
    falls_short(&finding, &["the calls go on after the answers"]);
    assert_eq!(finding.verdict_on(clause::ANSWER), Some(Verdict::Holds), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_deadline_that_every_byte_renews() {
    let finding = examine_declared("border.deadline", "border-waits-for-bytes", relaying).await;
    falls_short(&finding, &["although relay drips"]);
    let silent = |piece: &&Evidence| piece.is_against() && piece.what.contains("although relay is silent");
    assert_eq!(finding.evidence().iter().filter(silent).count(), 0, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_a_kept_connection_is_not_taken_for_the_answer_to_silence() {
    let finding = examine_declared("border.deadline", "border-keeps-connections", relaying).await;
    assert_eq!(finding.verdict_on(clause::ANSWER), Some(Verdict::Holds), "{finding:#?}");
    says(&finding, Bearing::For, &["is answered 504"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_no_call_met_is_unknown() {
    let elsewhere = |subject: &mut Subject| {
        relaying(subject);
        subject.requests.pop();
        subject.requests.push(RequestSpec { uses: vec!["relay".into()], ..get("/") });
    };
    is_unknown(&examine_declared("border.deadline", "border-sound", elsewhere).await, "no call to relay met the fault");
}

#[test]
fn calls_on_shared_connections_or_behind_a_success_are_not_accused() {
    let calls = |sent, connections: u16, failed| Calls {
        sent,
        connections: (0..connections).collect(),
        failed,
        succeeded: !failed,
        unanswered: false,
    };
    assert_eq!(calls(2, 2, true).judge(2, false).0, Some(false));
    assert_eq!(calls(2, 2, true).judge(0, true).0, Some(true));
    assert_eq!(calls(2, 2, true).judge(0, false).0, None, "a deadline of its own");
    assert_eq!(calls(2, 1, true).judge(1, false).0, None, "one connection for two calls");
    assert_eq!(calls(2, 2, false).judge(2, false).0, None, "work to be finished later");
    assert_eq!(calls(2, 0, true).judge(0, true).0, None, "no call was seen");
    let left = Calls { unanswered: true, ..calls(2, 2, true) };
    assert_eq!(left.judge(0, true).0, None, "they may have ended because the callers left");
    assert_eq!(left.judge(2, true).0, Some(false));
}

#[test]
fn work_is_seen_to_end_only_where_it_was_seen() {
    assert_eq!(worked(0.0, 0.9, 0.01), Some(true));
    assert_eq!(worked(0.0, 0.9, 0.9), Some(false));
    assert_eq!(worked(0.0, 0.01, 0.0), None, "it waited");
    assert_eq!(worked(0.0, 0.1, 0.14), Some(false), "it gets little of a busy machine, and goes on");
    assert_eq!(worked(0.0, 0.2, 0.12), None, "half of it goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_server_that_never_gives_up() {
    falls_short(&examine_declared("border.deadline", "border-never-gives-up", slow_things).await, &["no answer"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_server_that_works_on_after_504() {
    falls_short(&examine_declared("border.deadline", "border-works-on", slow_things).await, &["goes on"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn does_not_apply_when_nothing_makes_a_request_wait() {
    let alone = |subject: &mut Subject| subject.dependencies = Dependencies::Declared(Vec::new());
    does_not_apply(&examine_declared("border.deadline", "border-sound", alone).await);
    is_unknown(&examine("border.deadline", "border-sound").await, "declare");
}
