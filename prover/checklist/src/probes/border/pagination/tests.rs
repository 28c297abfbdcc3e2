//! `border.pagination` on its specimens.

use super::clause;
use crate::finding::Verdict;
use crate::probes::border::testing::things;
use crate::subject::Subject;
use crate::testing::{examine_declared, falls_short, holds, mentions};

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_opaque_cursors_and_bounded_pages() {
    holds(&examine_declared("border.pagination", "border-sound", things).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_offsets() {
    let finding = examine_declared("border.pagination", "border-offsets", things).await;
    falls_short(&finding, &["a plain number", "rows were added saw"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_an_offset_that_looks_like_a_cursor() {
    let finding = examine_declared("border.pagination", "border-dressed-offsets", things).await;
    falls_short(&finding, &["rows were added saw"]);
    assert_eq!(finding.verdict_on(clause::OPAQUE_CURSOR), Some(Verdict::Holds), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_list_of_everything() {
    falls_short(
        &examine_declared("border.pagination", "border-lists-all", things).await,
        &["no bound", "no way to a next page"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_to_which_nothing_is_added_is_not_known_to_be_stable() {
    let fixed = |subject: &mut Subject| {
        things(subject);
        subject.requests.retain(|spec| spec.list);
    };
    let finding = examine_declared("border.pagination", "border-offsets", fixed).await;
    assert_eq!(finding.verdict_on(clause::STABLE), Some(Verdict::Unknown), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_calls_a_dependency_is_not_repeated_to_see_a_bound() {
    let calling = |subject: &mut Subject| {
        things(subject);
        subject.requests[0].uses = vec!["prices".to_owned()];
    };
    let finding = examine_declared("border.pagination", "border-sound", calling).await;
    assert_eq!(finding.verdict_on(clause::BOUNDED), Some(Verdict::Unknown), "{finding:#?}");
    mentions(&finding, "is not repeated, as it `uses` a dependency");
}
