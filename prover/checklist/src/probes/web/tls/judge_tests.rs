//! The judges of `web.tls` without a server.

use std::time::Duration;

use super::hello::Reply::{self, Refused, Taken, Unclear};
use super::reload::{Replacement, judge};
use super::{judge_hsts, judge_versions, redirect};
use crate::finding::Bearing;
use crate::testing::exchange::{answered, control, unanswered};

#[test]
fn old_versions_must_be_refused_while_the_same_hello_of_tls_1_2_is_taken() {
    let bearing = |replies: [Reply; 3]| judge_versions(&replies).bearing();
    assert_eq!(bearing([Refused, Refused, Taken]), Bearing::For);
    assert_eq!(bearing([Taken, Refused, Taken]), Bearing::Against);
    assert_eq!(bearing([Refused, Taken, Taken]), Bearing::Against);
    assert_eq!(bearing([Refused, Refused, Refused]), Bearing::Gap);
    assert_eq!(bearing([Unclear, Refused, Taken]), Bearing::Gap);
}

#[test]
fn hsts_of_180_days_is_long_enough() {
    let bearing = |value: &str| judge_hsts(&answered(200, &[("strict-transport-security", value)], "")).bearing();
    assert_eq!(bearing("max-age=15552000"), Bearing::For);
    assert_eq!(bearing("includeSubDomains; Max-Age=\"31536000\""), Bearing::For);
    assert_eq!(bearing("max-age=15551999"), Bearing::Against);
    assert_eq!(bearing("includeSubDomains"), Bearing::Against);
    assert_eq!(judge_hsts(&answered(404, &[], "")).bearing(), Bearing::Against);
    assert_eq!(judge_hsts(&unanswered()).bearing(), Bearing::Gap);
}

#[test]
fn a_plain_port_leads_to_https_and_nowhere_else() {
    let plain = "http://shop.example".parse().unwrap();
    let to = |status, location: &str| answered(status, &[("location", location)], "");
    let bearing = |page, form| redirect::judge(&plain, Ok(control()), &page, &form).bearing();
    let good = || to(308, "https://shop.example/");
    assert_eq!(bearing(good(), good()), Bearing::For);
    assert_eq!(bearing(to(308, "http://shop.example/login"), good()), Bearing::Against);
    assert_eq!(bearing(to(200, "https://shop.example/"), good()), Bearing::Against);
    assert_eq!(bearing(answered(403, &[], ""), good()), Bearing::Against);
    assert_eq!(bearing(good(), unanswered()), Bearing::Gap);
}

#[test]
fn a_replacement_without_a_failed_connection_holds() {
    let (control, after) = (control(), Some(Duration::from_secs(3)));
    let bearing = |connections, failed, shown_after| {
        let replacement = Replacement { connections, failed, first: String::new(), shown_after };
        judge(&replacement, &control).bearing()
    };
    assert_eq!(bearing(100, 0, after), Bearing::For);
    assert_eq!(bearing(100, 1, after), Bearing::Against);
    assert_eq!(bearing(100, 0, None), Bearing::Against);
    assert_eq!(bearing(0, 0, after), Bearing::Gap);
}
