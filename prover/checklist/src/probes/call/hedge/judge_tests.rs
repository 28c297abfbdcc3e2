//! The judges of `call.hedge` on calls without a server.

use http::Method;
use keel_drill::trace_headers::TraceHeaders;

use super::*;
use crate::finding::Bearing;

const LATE: Duration = Duration::from_millis(160);

/// A request with calls of these times: from, to.
fn slow(spans: &[(u64, u64)]) -> Slow {
    let begun = Instant::now();
    let at = |milliseconds: &u64| begun + Duration::from_millis(*milliseconds);
    let call = |(from, to): &(u64, u64)| Call {
        at: at(from),
        method: Method::GET,
        path: "/".to_owned(),
        key: None,
        patience: Vec::new(),
        trace: TraceHeaders::default(),
        ended: Some(at(to)),
    };
    Slow { calls: spans.iter().map(call).collect(), took: LATE, well: true }
}

#[test]
fn a_second_call_is_a_hedge_only_beside_the_first() {
    assert!(slow(&[(0, 160), (80, 120)]).is_hedged(LATE));
    assert!(slow(&[(0, 90), (80, 120)]).is_hedged(LATE), "for longer than it takes to notice an end");
    assert!(!slow(&[(0, 80), (80, 120)]).is_hedged(LATE), "a repeat after a timeout");
    assert!(!slow(&[(0, 160)]).is_hedged(LATE));
}

#[test]
fn an_unsafe_request_is_called_once() {
    let bearing = |seen: &[Slow]| once(seen, &RequestSpec::default(), LATE).bearing();
    assert_eq!(bearing(&[slow(&[(0, 160)]), slow(&[(0, 160)])]), Bearing::For);
    assert_eq!(bearing(&[slow(&[(0, 160)]), slow(&[(0, 160), (80, 120)])]), Bearing::Against);
    assert_eq!(bearing(&[slow(&[])]), Bearing::Gap);
}

#[test]
fn hedges_have_a_budget_of_a_tenth_and_a_floor() {
    assert_eq!(within_budget(300.0, 300.0), Some(true));
    assert_eq!(within_budget(390.0, 300.0), Some(true), "a tenth, and the floor of 60");
    assert_eq!(within_budget(391.0, 300.0), None);
    assert_eq!(within_budget(450.0, 300.0), Some(false));
    assert_eq!(within_budget(200.0, 300.0), None, "requests were refused");
}
