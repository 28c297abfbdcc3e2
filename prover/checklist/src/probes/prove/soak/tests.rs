//! `prove.soak` on its specimens.

use crate::probes::life::steady::testing::falls_short;

#[tokio::test(flavor = "multi_thread")]
async fn descriptors_that_are_kept_of_each_request_fall_short() {
    falls_short("prove.soak", "steady-leaks-descriptors", "open descriptors").await;
}
