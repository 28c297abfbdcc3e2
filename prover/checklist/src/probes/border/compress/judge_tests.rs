//! The judges of `border.compress` on answers without a server.

use keel_wire::http::Exchange;

use super::*;
use crate::finding::Bearing;
use crate::testing::exchange::{after, answered, unanswered};

const TEXT: &str = "a page, a page, a page";

fn plain(vary: &str) -> Exchange {
    answered(200, &[("vary", vary)], TEXT)
}

fn gzip(body: &str, vary: &str) -> Exchange {
    let mut exchange = answered(200, &[("vary", vary), ("content-encoding", "gzip")], "");
    if let Ok(answer) = &mut exchange.outcome {
        answer.body = packed(body.as_bytes()).into();
        answer.body_length = answer.body.len() as u64;
    }
    exchange
}

fn bearing(identity: &Exchange, packed: &Exchange, refusing: &Exchange) -> Option<Bearing> {
    coded::judge("/", [identity, packed, refusing, identity]).map(|(_, piece)| piece.bearing())
}

#[test]
fn an_answer_is_coded_only_as_it_was_asked_for() {
    let (vary, none) = ("Accept-Encoding", "Origin");
    assert_eq!(bearing(&plain(vary), &gzip(TEXT, vary), &plain(vary)), Some(Bearing::For));
    assert_eq!(bearing(&plain(vary), &plain(vary), &plain(vary)), Some(Bearing::Figure), "nothing is compressed");
    assert_eq!(bearing(&plain(vary), &gzip(TEXT, vary), &gzip(TEXT, vary)), Some(Bearing::Against), "gzip;q=0");
    assert_eq!(bearing(&plain(vary), &gzip(TEXT, none), &plain(vary)), Some(Bearing::Against), "it lacks Vary");
    assert_eq!(bearing(&plain(none), &gzip(TEXT, vary), &plain(vary)), Some(Bearing::Against), "the plain one does");
    assert_eq!(bearing(&plain(vary), &gzip("another", vary), &plain(vary)), Some(Bearing::Against));
    assert_eq!(bearing(&answered(404, &[], ""), &gzip(TEXT, vary), &plain(vary)), None);
}

#[test]
fn a_bomb_that_is_taken_is_against_it_unless_it_cost_no_memory() {
    let good = |status, risen| unrefused(&answered(status, &[], ""), risen).0;
    assert_eq!(good(201, Some(MEMORY - 1)), None, "it may be kept as it came");
    assert_eq!(good(201, Some(MEMORY)), Some(false));
    assert_eq!(good(500, Some(0)), Some(false));
    assert_eq!(good(201, None), Some(false), "its memory was not seen");
}

#[test]
fn a_bomb_without_an_answer_is_not_called_taken() {
    let (good, what) = unrefused(&after(EACH, unanswered()), Some(MEMORY));
    assert_eq!((good, what.as_str()), (Some(false), "has no answer after 3.0s"));
}
