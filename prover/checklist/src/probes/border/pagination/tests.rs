//! `border.pagination` on its specimens.

use crate::probes::border::testing::things;
use crate::testing::{examine_declared, falls_short, holds};

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_opaque_cursors_and_bounded_pages() {
    holds(&examine_declared("border.pagination", "border-sound", things).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_offsets() {
    let finding = examine_declared("border.pagination", "border-offsets", things).await;
    falls_short(&finding, &["a plain number", "while rows were added"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_list_of_everything() {
    falls_short(
        &examine_declared("border.pagination", "border-lists-all", things).await,
        &["no bound", "no way to a next page"],
    );
}
