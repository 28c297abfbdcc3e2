//! `see.metrics` on its specimens.

use crate::clause::see::metrics::{EVERY_PART, OTLP, PERCENTILES, PROMETHEUS, TRAFFIC};
use crate::finding::Verdict;
use crate::probes::see::testing::{declare, falls_short, holds};
use crate::testing::examine_declared;
use crate::testing::holds_but_for;
use crate::testing::mentions;

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
async fn a_number_that_prometheus_accepts_is_one_and_a_bad_line_does_not_hide_the_others() {
    holds("see.metrics", "see-go-numbers").await;
    let finding = examine_declared("see.metrics", "see-bad-line", declare).await;
    assert_eq!(finding.verdict_on(PROMETHEUS), Some(Verdict::FallsShort), "{finding:#?}");
    assert_eq!(finding.verdict_on(TRAFFIC), Some(Verdict::Holds), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_is_each_declared_route_and_each_dependency() {
    let finding = examine_declared("see.metrics", "see-no-calls", declare).await;
    holds_but_for(&finding, &[EVERY_PART]);
    mentions(&finding, "no series names prices");
    let finding = examine_declared("see.metrics", "see-good", declare).await;
    mentions(&finding, "GET /price raises");
}

#[tokio::test(flavor = "multi_thread")]
async fn percentiles_are_those_of_slow_requests_in_a_window() {
    falls_short("see.metrics", "see-one-bound", "tells a median above 0.000 s and up to 1.000 s").await;
    falls_short("see.metrics", "see-too-early", "up to 0.005 s").await;
    holds_but_for(&examine_declared("see.metrics", "see-since-start", declare).await, &[PERCENTILES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_that_are_not_exported_fall_short_only_where_the_environment_names_an_exporter() {
    holds_but_for(&examine_declared("see.metrics", "see-no-exports", declare).await, &[OTLP]);
    let named = |subject: &mut crate::subject::Subject| {
        declare(subject);
        subject.env.insert("OTEL_METRICS_EXPORTER".to_owned(), "otlp".to_owned());
    };
    let finding = examine_declared("see.metrics", "see-no-exports", named).await;
    assert_eq!(finding.verdict_on(OTLP), Some(Verdict::FallsShort), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn undeclared_metrics_that_are_not_found_are_unknown() {
    let finding = examine_declared("see.metrics", "border-plain", |_| {}).await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    mentions(&finding, "metrics = ");
}
