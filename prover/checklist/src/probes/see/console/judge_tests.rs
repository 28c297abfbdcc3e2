//! The judges of `see.console` on observations, without a server.

use http::StatusCode;

use super::judge::{PROMPT, acted, audited, number_of, prompt, risen, untouched};
use super::looker::request;
use crate::subject::Act;
use crate::testing::exchange::{after, answered, unanswered};

const OK: Option<StatusCode> = Some(StatusCode::SEE_OTHER);
const REFUSED: Option<StatusCode> = Some(StatusCode::FORBIDDEN);

#[test]
fn a_number_is_read_with_marks_between_its_digits() {
    let pattern = "look</th><td>([^<]+)<";
    assert_eq!(number_of("<th>look</th><td>1\u{202f}234<", pattern), Some(1234.0));
    assert_eq!(number_of("<th>look</th><td>7<", pattern), Some(7.0));
    assert_eq!(number_of("<th>look</th><td>none<", pattern), None);
    assert_eq!(number_of("nothing", pattern), None);
}

#[test]
fn requests_are_shown_one_by_one() {
    let good = |after| risen("the page", "look", 3.0, after, 5).0;
    assert!(good(Some(8.0)));
    assert!(!good(Some(7.0)) && !good(Some(9.0)) && !good(Some(3.0)) && !good(None));
}

#[test]
fn a_lever_acts_shows_and_is_taken_back() {
    let good = |pulled, shown, stopped, released, after| acted(pulled, shown, stopped, released, after).0;
    assert!(good(OK, true, Some(true), OK, false) && good(OK, true, None, OK, false));
    assert!(!good(REFUSED, true, Some(true), OK, false) && !good(None, true, None, OK, false));
    assert!(!good(OK, false, Some(true), OK, false), "no page shows it");
    assert!(!good(OK, true, Some(false), OK, false), "it only says so");
    assert!(!good(OK, true, None, REFUSED, false) && !good(OK, true, None, OK, true));
}

#[test]
fn a_lever_that_must_be_refused_changes_nothing() {
    assert!(untouched("by GET", REFUSED, false).0 && untouched("by GET", OK, false).0);
    assert!(!untouched("by GET", OK, true).0);
    assert!(!untouched("by GET", REFUSED, true).0, "it was refused and done");
}

#[test]
fn author_and_reason_are_in_one_line() {
    let lines = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert!(audited(&lines(&["x", "ada trips: drill7"]), Some("ada"), "drill7").0);
    assert!(audited(&lines(&["drill7"]), None, "drill7").0);
    assert!(!audited(&lines(&["drill7", "ada"]), Some("ada"), "drill7").0);
    assert!(!audited(&[], None, "drill7").0);
}

#[test]
fn pages_are_answered_promptly_each_time() {
    let look = |took| after(took, answered(200, &[], "page"));
    assert!(prompt(&[look(PROMPT), look(PROMPT / 2)]).0);
    assert!(!prompt(&[look(PROMPT * 2), look(PROMPT / 2)]).0);
    assert!(!prompt(&[look(PROMPT), unanswered()]).0 && !prompt(&[answered(503, &[], "")]).0);
}

#[test]
fn a_lever_is_sent_as_a_form_or_as_json() {
    let act = |body: &str| Act { method: "post".into(), path: "/trip".into(), body: body.into(), ..Act::default() };
    let form = request(&act("by={author}&why={reason}"), "drill7");
    assert_eq!((form.method.as_str(), &form.body[..]), ("POST", &b"by=keel-operator&why=drill7"[..]));
    let kind = |body: &str| request(&act(body), "x").headers.into_iter().map(|(_, value)| value).collect::<Vec<_>>();
    assert_eq!(kind("a=b"), ["application/x-www-form-urlencoded"]);
    assert_eq!(kind("{\"a\": 1}"), ["application/json"]);
    assert!(kind("").is_empty());
}
