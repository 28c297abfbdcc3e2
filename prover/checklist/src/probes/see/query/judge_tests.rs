//! The judges of `see.query` on observations, without a server.

use keel_wire::http::Exchange;

use super::judge::{
    LEAST_BYTES, MOST_BYTES, MOST_MEMORY, Meanwhile, PROMPT, bounded, counted, cut, different, refused, rested,
};
use super::*;
use crate::probes::see::asker;
use crate::testing::exchange::{after, answered, unanswered};

#[test]
fn each_question_has_an_answer_of_its_own() {
    let good = |answers: &[(&str, Exchange)]| different(answers).0;
    assert!(good(&[("routes", answered(200, &[], "a")), ("pools", answered(200, &[], "b"))]));
    assert!(!good(&[("routes", answered(200, &[], "a")), ("pools", answered(200, &[], "a"))]), "one page for all");
    assert!(!good(&[("routes", answered(200, &[], "a")), ("pools", answered(500, &[], "b"))]));
    assert!(!good(&[("routes", answered(200, &[], " \n")), ("pools", answered(200, &[], "b"))]));
    assert!(!good(&[("routes", unanswered()), ("pools", answered(200, &[], "b"))]));
}

#[test]
fn requests_are_counted_one_by_one() {
    let good = |before, after| counted("look", before, after, 7, LOOK).0;
    assert!(good(3.0, Some(10.0)));
    assert!(!good(3.0, Some(9.0)) && !good(3.0, Some(11.0)) && !good(3.0, Some(3.0)) && !good(3.0, None));
}

#[test]
fn a_question_that_writes_is_refused_and_changes_nothing() {
    let good = |status, before, after| refused(status, before, after).map(|(is_good, _)| is_good);
    assert_eq!(good(Some(403), Some(3.0), Some(3.0)), Some(true));
    assert_eq!(good(Some(403), None, None), Some(true));
    assert_eq!(good(Some(200), Some(3.0), Some(3.0)), Some(false), "it was taken");
    assert_eq!(good(Some(302), Some(3.0), Some(3.0)), Some(false));
    assert_eq!(good(Some(403), Some(3.0), Some(0.0)), Some(false), "it was refused and done");
    assert_eq!(good(Some(403), Some(3.0), None), Some(false));
    assert_eq!(good(None, Some(3.0), Some(3.0)), None);
}

#[test]
fn a_question_without_an_end_is_cut_while_others_are_answered() {
    let good = |status, failed| cut(status, LOOK, WITHIN, &Meanwhile { asked: 4, failed }).0;
    assert!(good(Some(200), 0) && good(Some(504), 0));
    assert!(!good(None, 0) && !good(Some(200), 1));
    let mut meanwhile = Meanwhile::default();
    for exchange in [answered(200, &[], ""), answered(503, &[], ""), unanswered()] {
        meanwhile.add(&exchange);
    }
    meanwhile.add(&after(PROMPT + LOOK, answered(200, &[], "")));
    assert_eq!((meanwhile.asked, meanwhile.failed), (4, 3));
}

#[test]
fn a_service_rests_after_a_cut() {
    assert!(rested(REST / 4, REST).0);
    assert!(!rested(REST / 4 + LOOK, REST).0);
}

#[test]
fn a_large_answer_is_cut_and_its_memory_too() {
    let good = |answer, grown| bounded(answer, WITHIN, grown).map(|(is_good, _)| is_good);
    assert_eq!(good(Some((200, MOST_BYTES)), MOST_MEMORY), Ok(true));
    assert_eq!(good(Some((413, 10)), 0), Ok(true), "a clear refusal is a bound too");
    assert_eq!(good(Some((200, MOST_BYTES + 1)), 0), Ok(false));
    assert_eq!(good(Some((200, MOST_BYTES)), MOST_MEMORY + 1), Ok(false));
    assert_eq!(good(None, 0), Ok(false));
    assert!(good(Some((200, LEAST_BYTES - 1)), 0).is_err() && good(Some((400, LEAST_BYTES)), 0).is_err());
}

#[test]
fn a_question_stands_in_the_path_encoded_and_in_a_json_body_escaped() {
    let declared = crate::subject::QueryInterface {
        method: "post".to_owned(),
        path: "/ask?q={query}".to_owned(),
        body: Some("{\"sql\": \"{query};\"}".to_owned()),
        ..crate::subject::QueryInterface::default()
    };
    let request = asker::request(&declared, "SELECT \"a b\"");
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/ask?q=SELECT%20%22a%20b%22"));
    assert_eq!(&request.body[..], br#"{"sql":"SELECT \"a b\";"}"#);
    let plain = crate::subject::QueryInterface { body: Some("{query}".to_owned()), ..declared };
    assert_eq!(&asker::request(&plain, "SELECT 'a'").body[..], b"SELECT 'a'");
}
