//! The probes that overload a service, on specimens that do 100 requests of work a second, however fast the machine is.

mod specimen;

use std::time::Duration;

use keel_checklist::finding::{Finding, Verdict};
use keel_checklist::lab::{Lab, Pace};
use keel_checklist::probes::border;
use keel_checklist::subject::{Load, Subject};
use specimen::{examine_in, get, lab};

/// Its work, and a load near what it does, so that its capacity is soon found.
fn works(subject: &mut Subject) {
    subject.load = Some(Load { rate: 100.0, peak: 100.0, p99: Duration::from_millis(400), errors: 0.0 });
    subject.requests = vec![get("/work")];
}

/// What a specimen's work takes, for a hundred of what it would take at the full pace.
const PACE: Pace = Pace::part(0.4);

async fn working(name: &str) -> Lab {
    let mut lab = lab(name, works).await;
    lab.pace = PACE;
    lab
}

async fn holds(id: &str, lab: &mut Lab) -> Finding {
    let finding = examine_in(id, lab).await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    finding
}

async fn falls_short(id: &str, lab: &mut Lab, of: &str) -> Finding {
    let finding = examine_in(id, lab).await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains(of), "it falls short of {of:?}: {}", finding.summary);
    finding
}

#[tokio::test(flavor = "multi_thread")]
async fn who_refuses_at_once_what_it_cannot_do_holds() {
    let mut lab = working("loaded-refuses").await;
    let finding = holds("border.shed", &mut lab).await;
    let told = |what: &str| finding.evidence.iter().any(|piece| piece.what.contains(what));
    assert!(told("with 503") && told("refusals carry Retry-After"), "{finding:#?}");
    holds("border.backpressure", &mut lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lets_everybody_wait_answers_too_late_takes_in_all_and_does_not_come_back() {
    let mut lab = working("loaded-waits").await;
    falls_short("border.shed", &mut lab, "none refused with 503 or 429").await;
    falls_short("border.backpressure", &mut lab, "no bound was seen").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_leaks_lets_memory_grow() {
    falls_short("border.backpressure", &mut working("loaded-leaks").await, "resident memory").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_must_be_quick_and_say_when_to_come_again() {
    let mut lab = working("loaded-refuses-badly").await;
    let finding = falls_short("border.shed", &mut lab, "9 of 10 refusals").await;
    assert!(finding.summary.contains("0 of"), "no refusal carries Retry-After: {}", finding.summary);
}

/// Its short twin is a unit test of the judge, on a load that was taken down.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn who_does_less_the_more_is_asked_collapses() {
    falls_short("border.shed", &mut working("loaded-collapses").await, "a second in time").await;
}

/// Its short twin is a unit test of the judge, on a load that was taken down.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn who_does_not_come_back_when_the_load_has_fallen_falls_short() {
    falls_short("border.shed", &mut working("loaded-naps").await, "the normal load is still not answered in time")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_points_at_which_dearer_mixes_break_are_told() {
    let mut lab = lab("loaded-refuses", |subject| {
        works(subject);
        subject.requests = vec![get("/"), get("/work")];
    })
    .await;
    lab.pace = PACE;
    let finding = holds("prove.stress", &mut lab).await;
    assert!(finding.summary.contains("with 3 times as many of \"GET /work\""), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_breaking_point_of_a_dear_mix_a_queue_without_end_falls_short() {
    let mut lab = lab("loaded-waits", |subject| {
        works(subject);
        subject.requests = vec![get("/"), get("/work")];
    })
    .await;
    lab.pace = PACE;
    falls_short("prove.stress", &mut lab, "none refused with 503 or 429").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mix_of_one_request_has_no_dearest() {
    let finding = examine_in("prove.stress", &mut working("loaded-refuses").await).await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    assert!(finding.summary.contains("declare [[requests]] of different cost"), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_up_with_all_that_is_sent_was_not_overloaded() {
    let mut lab = lab("loaded-refuses", |subject| subject.requests = vec![get("/")]).await;
    let finding = border::shed::examine_up_to(&mut lab, 60.0).await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    assert!(finding.summary.contains("more than 60 are not sent"), "{finding:#?}");
}
