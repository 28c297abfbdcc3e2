//! `border.backpressure` on specimens that do 100 requests of work a second, however fast the machine is.

use super::Inside;
use crate::lab::Pace;
use crate::probes::support::overload::testing::{falls_short, working};

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_leaks_lets_memory_grow() {
    let mut lab = working("loaded-leaks").await;
    // What leaked while the capacity was searched is little only beside a whole overload.
    lab.pace = Pace::FULL;
    falls_short("border.backpressure", &mut lab, &["resident memory"]).await;
}

#[test]
fn a_bound_that_is_not_reached_is_unknown_where_it_comes_back() {
    let inside = Inside { half: 700.0, end: 1_376.0, surplus: 700.0, waiting: (700, 1_370), most: 2_000 };
    assert!(inside.evidence(false).is_against());
    let evidence = inside.evidence(true);
    assert!(!evidence.decides(), "{evidence:?}");
}
