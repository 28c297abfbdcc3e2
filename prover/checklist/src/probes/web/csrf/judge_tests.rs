//! The judge of `web.csrf` on pairs of answers without a server.

use super::*;
use crate::finding::Bearing;
use crate::testing::exchange::{answered, control, unanswered};

fn bearing(told: Told, own: &Exchange, foreign: &Exchange) -> Bearing {
    judge("POST /transfer", told, (own, foreign), &control()).bearing()
}

#[test]
fn a_foreign_form_must_be_refused_for_what_it_is() {
    let own = answered(200, &[], "");
    for (status, expected) in [
        (403, Bearing::For),
        (422, Bearing::For),
        (200, Bearing::Against),
        (409, Bearing::Gap),
        (429, Bearing::Gap),
        (500, Bearing::Gap),
    ] {
        assert_eq!(bearing(Told::Origin, &own, &answered(status, &[], "")), expected, "{status}");
    }
    assert_eq!(bearing(Told::Origin, &own, &unanswered()), Bearing::Gap);
}

#[test]
fn a_foreign_form_that_leads_elsewhere_was_not_taken_as_the_own_one() {
    let (own, login) =
        (answered(303, &[("location", "/transfers/1")], ""), answered(303, &[("location", "/login")], ""));
    assert_eq!(bearing(Told::Origin, &own, &login), Bearing::Gap);
    assert_eq!(bearing(Told::Origin, &own, &answered(303, &[("location", "/transfers/2")], "")), Bearing::Against);
}

#[test]
fn a_form_with_fetch_metadata_and_no_origin_is_not_what_browsers_send() {
    let own = answered(200, &[], "");
    assert_eq!(bearing(Told::FetchSite, &own, &answered(200, &[], "")), Bearing::Figure);
    assert_eq!(bearing(Told::FetchSite, &own, &answered(403, &[], "")), Bearing::For);
}
