//! The judge of `web.headers` on answers without a server.

use super::*;
use crate::finding::Bearing;
use crate::testing::exchange::answered;

fn one(status: u16, faults: &[(Clause, &str)]) -> Answered {
    let faults = faults.iter().map(|(clause, fault)| (*clause, (*fault).to_owned())).collect();
    Answered { exchange: answered(status, &[], ""), asked: "GET /".to_owned(), status, faults }
}

#[test]
fn a_header_that_one_answer_lacks_is_against_its_own_clause() {
    let answers = [one(200, &[]), one(404, &[(clause::NOSNIFF, "no X-Content-Type-Options")])];
    assert_eq!(header(clause::NOSNIFF, &answers).bearing(), Bearing::Against);
    assert_eq!(header(clause::CSP, &answers).bearing(), Bearing::For);
    assert_eq!(header(clause::CSP, &[]).bearing(), Bearing::Gap);
}

#[test]
fn all_answers_of_a_kind_must_carry_every_header() {
    let bare = [one(200, &[]), one(200, &[(clause::CSP, "no Content-Security-Policy")])];
    assert_eq!(all_of(clause::EVERY_ANSWER, "answers", bare.iter()).bearing(), Bearing::Against);
    assert_eq!(all_of(clause::EVERY_ANSWER, "answers", bare[..1].iter()).bearing(), Bearing::For);
    assert_eq!(all_of(clause::ERRORS, "errors", [].iter()).bearing(), Bearing::Gap);
}
