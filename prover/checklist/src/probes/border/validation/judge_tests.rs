//! The judges of `border.validation` on answers without a server.

use super::shown::{Form, form};
use super::*;
use crate::finding::Bearing;
use crate::testing::exchange::{answered, unanswered};

fn case(kind: Kind) -> Case {
    let field = (kind != Kind::Malformed).then(|| "stars".to_owned());
    Case { what: "something".to_owned(), field, kind, body: Vec::new() }
}

fn bearings(kind: Kind, exchange: &Exchange) -> Vec<Bearing> {
    judge("a note", &case(kind), exchange).iter().map(Evidence::bearing).collect()
}

#[test]
fn a_mistake_that_is_taken_is_against_it_unless_the_field_may_take_anything() {
    let taken = answered(201, &[], "{}");
    assert_eq!(bearings(Kind::Malformed, &taken), [Bearing::Against]);
    assert_eq!(bearings(Kind::Nonsense, &taken), [Bearing::Against]);
    assert_eq!(bearings(Kind::FreeForm, &taken), [Bearing::Gap]);
    assert!(bearings(Kind::Markup, &taken).is_empty(), "a text may have markup in it");
}

#[test]
fn a_server_error_is_against_it_and_an_answer_about_something_else_says_nothing() {
    assert_eq!(bearings(Kind::Markup, &answered(500, &[], "")), [Bearing::Against]);
    for status in [401, 403, 404, 429] {
        assert_eq!(bearings(Kind::Nonsense, &answered(status, &[], "stars")), [Bearing::Gap], "{status}");
    }
    assert_eq!(bearings(Kind::Nonsense, &unanswered()), [Bearing::Gap]);
}

#[test]
fn a_refusal_must_name_the_field_as_a_word_of_its_own() {
    let refused = |body: &str| bearings(Kind::Nonsense, &answered(422, &[], body));
    assert_eq!(refused(r#"{"pointer":"/stars"}"#), [Bearing::For, Bearing::For]);
    assert_eq!(refused("superstars or starstruck"), [Bearing::For, Bearing::Against]);
    assert_eq!(bearings(Kind::Malformed, &answered(400, &[], "no JSON")), [Bearing::For]);
}

#[test]
fn markup_is_harmless_escaped_or_in_json_and_not_in_a_page() {
    let of = |kind: &str, sniff: &str, body: &str| {
        let exchange = answered(200, &[("content-type", kind), ("x-content-type-options", sniff)], body);
        form(exchange.answer().unwrap())
    };
    let raw = "x <keel-markup a=\"1\"> y";
    assert_eq!(of("text/html; charset=utf-8", "nosniff", raw), Some(Form::InPage));
    assert_eq!(of("image/svg+xml", "nosniff", raw), Some(Form::InPage));
    assert_eq!(of("text/html", "", "&lt;keel-markup a"), Some(Form::Harmless));
    assert_eq!(of("application/problem+json", "", raw), Some(Form::Harmless));
    assert_eq!(of("text/plain", "nosniff", raw), Some(Form::Harmless));
    assert_eq!(of("text/plain", "", raw), Some(Form::Sniffable));
    assert_eq!(of("text/html", "", "nothing of it"), None);
}

#[test]
fn one_page_that_shows_markup_is_against_it_beside_pages_that_escape_it() {
    let page = |body: &str| answered(200, &[("content-type", "text/html")], body);
    let bearings = |answers: &[Exchange]| shown::judge(answers).iter().map(Evidence::bearing).collect::<Vec<_>>();
    let (escaped, raw) = (page("&lt;keel-markup"), page("<keel-markup a"));
    assert_eq!(bearings(&[escaped.clone(), raw]), [Bearing::Against, Bearing::For]);
    assert_eq!(bearings(&[escaped]), [Bearing::For]);
    assert_eq!(bearings(&[page("nothing"), unanswered()]), [Bearing::Gap]);
}
