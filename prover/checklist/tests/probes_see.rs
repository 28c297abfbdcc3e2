//! Each probe of chapter `see` on specimens that hold and that do not.

mod specimen;

use keel_checklist::finding::{Finding, Verdict};
use keel_checklist::subject::Subject;
use specimen::{calls_for_prices, examine_declared};

/// Says where things are, and what the specimen calls.
fn declare(subject: &mut Subject) {
    calls_for_prices(subject);
    subject.health = Some("/health".to_owned());
    subject.metrics = Some("/metrics".to_owned());
}

async fn holds(id: &str, name: &str) {
    let finding = examine_declared(id, name, declare).await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
}

/// The specimen falls short, and the summary says of what.
async fn falls_short(id: &str, name: &str, of: &str) {
    let Finding { verdict, summary, evidence, .. } = examine_declared(id, name, declare).await;
    assert_eq!(verdict, Verdict::FallsShort, "{name}: {summary} {evidence:#?}");
    assert!(summary.contains(of), "{name} falls short of {of:?}: {summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_rise_by_what_was_sent_by_route_and_status_and_nothing_else() {
    holds("see.metrics", "see-good").await;
    falls_short("see.metrics", "see-raw-paths", "new series").await;
    falls_short("see.metrics", "see-standing-still", "no counter of requests by route").await;
    falls_short("see.metrics", "see-no-saturation", "how full").await;
    falls_short("see.metrics", "see-no-status", "by status").await;
    falls_short("see.metrics", "see-no-metrics", "not Prometheus text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_that_nobody_declared_and_that_are_not_found_are_unknown() {
    let finding = examine_declared("see.metrics", "border-plain", |_| {}).await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    assert!(finding.summary.contains("metrics = "), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_json_with_ids_and_a_bound_and_without_secrets() {
    holds("see.logs", "see-good").await;
    falls_short("see.logs", "see-text-logs", "JSON objects").await;
    falls_short("see.logs", "see-leaky-logs", "Authorization").await;
    falls_short("see.logs", "see-boundless-logs", "a second made").await;
    falls_short("see.logs", "see-anonymous", "no line has the X-Request-Id").await;
    falls_short("see.logs", "border-plain", "printed nothing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_what_runs_and_shows_a_sick_dependency_without_dying_of_it() {
    holds("see.health", "see-good").await;
    falls_short("see.health", "see-bare-health", "no JSON object").await;
    falls_short("see.health", "see-blind", "shows nothing").await;
    falls_short("see.health", "see-dying-with-others", "liveness with prices silent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_every_path_answers_is_no_health() {
    let finding = examine_declared("see.health", "see-page-for-all", |_| {}).await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
}
