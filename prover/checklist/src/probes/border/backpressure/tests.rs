//! `border.backpressure` on specimens that do 100 requests of work a second, however fast the machine is.

use crate::probes::support::overload::testing::{falls_short, working};

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_leaks_lets_memory_grow() {
    falls_short("border.backpressure", &mut working("loaded-leaks").await, "resident memory").await;
}
