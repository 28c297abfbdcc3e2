//! `border.backpressure` on specimens that do 100 requests of work a second, however fast the machine is.

use crate::lab::Pace;
use crate::probes::support::overload::testing::{falls_short, working};

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_leaks_lets_memory_grow() {
    let mut lab = working("loaded-leaks").await;
    // What leaked while the capacity was searched is little only beside a whole overload.
    lab.pace = Pace::FULL;
    falls_short("border.backpressure", &mut lab, "resident memory").await;
}
