//! The judge of `see.health` on answers without a server.

use serde_json::json;

use super::*;
use crate::testing::exchange::{after, answered, json, unanswered};

#[test]
fn an_answer_is_good_when_it_is_2xx_and_prompt() {
    let good = |exchange| prompt(clause::LIVE, "liveness", &exchange, Contention::default()).is_for();
    assert!(good(after(PROMPT, answered(204, &[], ""))));
    assert!(!good(after(PROMPT + Duration::from_millis(1), answered(200, &[], ""))));
    assert!(!good(answered(503, &[], "")));
    assert!(!good(unanswered()));
    let busy = Contention { waited: PROMPT, ..Contention::default() };
    let late = prompt(clause::LIVE, "liveness", &after(PROMPT * 3 / 2, answered(200, &[], "")), busy);
    assert!(!late.decides(), "others had the CPU: {late:?}");
    assert!(prompt(clause::LIVE, "liveness", &after(PROMPT * 2, answered(503, &[], "")), busy).is_against());
}

#[test]
fn a_path_is_there_only_where_another_one_is_answered_otherwise() {
    assert!(absent(&answered(404, &[], "")).is_ok());
    assert!(absent(&answered(200, &[], "")).is_err(), "every path is answered 2xx");
    assert!(absent(&unanswered()).is_err(), "nothing was seen");
}

#[test]
fn a_document_names_the_build_and_the_state_of_parts() {
    let verdicts = |document| document_of(document).iter().map(Evidence::is_for).collect::<Vec<_>>();
    let whole = json!({ "version": "1.2", "commit": "abc", "host": "a", "checks": { "db": { "state": "up" } } });
    assert_eq!(verdicts(whole.clone()), [true; 5]);
    let mut empty = whole.clone();
    empty["commit"] = json!("");
    assert_eq!(verdicts(empty), [true, true, false, true, true], "an empty value names nothing");
    let mut flat = whole;
    flat["checks"] = json!("up");
    assert_eq!(verdicts(flat), [true, true, true, true, false]);
    assert!(document_of(json!("ok")).iter().skip(1).all(Evidence::is_against), "it is no object");
}

fn document_of(document: Value) -> Vec<Evidence> {
    super::document(&json(200, &document), Contention::default())
}
