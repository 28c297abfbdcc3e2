//! `border.connections` on its specimens.

use crate::clause::border::connections::{CONTINUATION, RAPID_RESET};
use crate::probes::border::testing::things;
use crate::testing::holds_but_for;
use crate::testing::{examine, examine_declared, falls_short};

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_a_server_that_limits_each_address() {
    let finding = examine_declared("border.connections", "border-sound", things).await;
    holds_but_for(&finding, &[RAPID_RESET, CONTINUATION]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_server_without_a_limit() {
    falls_short(&examine_declared("border.connections", "border-hoards", things).await, &["no limit"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_server_that_one_address_can_fill() {
    falls_short(
        &examine_declared("border.connections", "border-starves", things).await,
        &["another address is not answered"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn examines_http2_floods_where_http2_is_spoken_without_tls() {
    let finding = examine("border.connections", "border-http2").await;
    let told = |word: &str| finding.evidence().iter().find(|piece| piece.what.contains(word));
    let continuation = told("CONTINUATION frames").unwrap_or_else(|| panic!("{finding:#?}"));
    assert!(continuation.is_for(), "hyper cuts a header block without end: {finding:#?}");
    assert!(told("after rapid resets").is_some_and(|piece| piece.is_for()), "{finding:#?}");
}
