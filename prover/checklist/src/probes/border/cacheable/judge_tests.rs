//! The judges of `border.cacheable` on answers without a server.

use super::*;
use crate::finding::Bearing;
use crate::testing::exchange::answered;

#[test]
fn an_error_is_kept_for_a_minute_at_most() {
    let bearing = |headers: &[(&str, &str)]| absent(&answered(404, headers, "")).bearing();
    assert_eq!(bearing(&[("cache-control", "max-age=60")]), Bearing::For);
    assert_eq!(bearing(&[("cache-control", "max-age=61")]), Bearing::Against);
    assert_eq!(bearing(&[("cache-control", "max-age=61, no-store")]), Bearing::For);
    assert_eq!(bearing(&[]), Bearing::For);
    assert_eq!(bearing(&[("last-modified", "yesterday")]), Bearing::Against, "caches may guess an age");
    assert_eq!(absent(&answered(200, &[], "")).bearing(), Bearing::Gap, "it is no error");
}

#[test]
fn a_cookie_is_a_fault_only_in_an_answer_that_is_shared() {
    let fault = |cache: &str, sets: bool| {
        let all = [("cache-control", cache), ("set-cookie", "a=b")];
        let exchange = answered(200, &all[..if sets { 2 } else { 1 }], "");
        let answer = exchange.answer().expect("it is answered");
        cookie(answer, &Control::of(answer)).is_some()
    };
    assert!(fault("public, max-age=60", true));
    assert!(!fault("private, max-age=60", true));
    assert!(!fault("public, max-age=60", false));
}
