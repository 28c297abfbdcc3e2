//! `border.limits` on its specimens.

use crate::clause::border::limits::{PROTOCOLS, TIME};
use crate::probes::border::testing::things;
use crate::testing::holds_but_for;
use crate::testing::{examine_declared, falls_short};

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_a_server_that_answers_431_414_and_413() {
    let finding = examine_declared("border.limits", "border-sound", things).await;
    holds_but_for(&finding, &[TIME, PROTOCOLS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_server_that_takes_everything() {
    let finding = examine_declared("border.limits", "border-unlimited", things).await;
    falls_short(
        &finding,
        &["one header of", "small headers", "a URI of", "declares 1 GiB", "chunked body", "Content-Length"],
    );
}
