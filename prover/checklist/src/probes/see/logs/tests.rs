//! `see.logs` on its specimens.

use crate::clause::see::logs::{FILES, OTLP};
use crate::probes::see::testing::{declare, falls_short, holds};
use crate::testing::examine_declared;
use crate::testing::{holds_but_for, mentions};

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_json_with_ids_and_a_bound_and_without_secrets() {
    holds("see.logs", "see-good").await;
    falls_short("see.logs", "see-leaky-logs", "Authorization").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn lines_that_are_text_or_without_end_or_without_ids_or_none_fall_short() {
    falls_short("see.logs", "see-text-logs", "JSON objects").await;
    falls_short("see.logs", "see-boundless-logs", "a second made").await;
    falls_short("see.logs", "see-ten-lines", "a second made").await;
    falls_short("see.logs", "see-anonymous", "no line has the X-Request-Id").await;
    falls_short("see.logs", "border-plain", "printed nothing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn log_records_that_are_not_exported_and_the_bound_of_a_log_file_are_unknown() {
    holds_but_for(&examine_declared("see.logs", "see-metrics-alone", declare).await, &[OTLP]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let declare = |subject: &mut crate::subject::Subject| {
        declare(subject);
        subject.workdir = folder.path().to_owned();
    };
    let finding = examine_declared("see.logs", "see-log-file", declare).await;
    holds_but_for(&finding, &[FILES]);
    mentions(&finding, "keel-specimen.log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stalls_stops_no_request() {
    falls_short("see.logs", "see-blocks-late", "its output stalls it").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_makes_nothing_spin() {
    falls_short("see.logs", "see-spins-gone", "it spins").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn output_that_stalls_at_once_or_goes_away_or_is_full_ends_nothing() {
    falls_short("see.logs", "see-blocks", "its output stalls it").await;
    falls_short("see.logs", "see-dies-gone", "after the reader of its output is gone").await;
    falls_short("see.logs", "see-vague-full", "it does not start").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_survived_or_refused_with_a_reason() {
    let finding = examine_declared("see.logs", "see-clear-full", declare).await;
    crate::testing::holds(&finding);
    mentions(&finding, "refuses to start, and says why");
}

#[test]
fn lines_and_not_requests_make_a_flood() {
    assert_eq!(super::bounded(1000, 500.0, 50, 25.0), Some(true));
    assert_eq!(super::bounded(1000, 500.0, 1000, 500.0), Some(false));
    assert_eq!(super::bounded(500, 100.0, 5000, 1000.0), Some(false), "few requests, each with many lines");
    assert_eq!(super::bounded(500, 100.0, 500, 100.0), None, "too few of both");
    assert_eq!(super::bounded(500, 100.0, 50, 10.0), None);
}
