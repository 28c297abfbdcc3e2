//! The judges of `prove.attack` on results without an attack.

use keel_wire::http::Request;

use super::*;
use crate::finding::Bearing;

fn result(id: &'static str, verdict: AttackVerdict) -> AttackResult {
    AttackResult { verdict, ..untold(id, "a reason".to_owned()) }
}

fn target(body: bool) -> Target {
    let url = "http://127.0.0.1:1".parse().expect("a loopback URL is a URL");
    Target { body: body.then(|| Request::get("/")), ..Target::at(url) }
}

#[test]
fn an_attack_that_fell_is_against_its_clause_and_one_that_held_is_for_it() {
    let told = |id, verdict| {
        let piece = evidence(&result(id, verdict));
        (piece.clause().map(str::to_owned), piece.bearing())
    };
    let about = |clause: Clause, bearing| (Some(clause.id().to_owned()), bearing);
    assert_eq!(told("key-replay", AttackVerdict::Fell), about(clause::REPLAY, Bearing::Against));
    assert_eq!(told("smuggle-te-cl", AttackVerdict::Held), about(clause::SMUGGLING, Bearing::For));
    assert_eq!(told("long-uri", AttackVerdict::Unknown), about(clause::FLOODS, Bearing::Gap));
    assert_eq!(told("idle", AttackVerdict::NotApplicable), about(clause::SLOW_CLIENTS, Bearing::Figure));
}

#[test]
fn a_service_without_state_has_no_bodies_to_attack() {
    let verdict = |id, state, body| in_light_of(state, &target(body), result(id, AttackVerdict::Unknown)).verdict;
    assert_eq!(verdict("json-depth", State::None, false), AttackVerdict::NotApplicable);
    assert_eq!(verdict("json-depth", State::None, true), AttackVerdict::Unknown, "it takes one");
    assert_eq!(verdict("json-depth", State::Durable, false), AttackVerdict::Unknown);
    assert_eq!(verdict("long-uri", State::None, false), AttackVerdict::Unknown, "it has no body");
}

#[test]
fn an_attack_on_effects_that_may_not_be_had_is_unknown() {
    let verdict = |id, state| in_light_of(state, &target(false), result(id, AttackVerdict::NotApplicable)).verdict;
    assert_eq!(verdict("key-replay", State::Unsaid), AttackVerdict::Unknown);
    assert_eq!(verdict("key-replay", State::None), AttackVerdict::NotApplicable);
    assert_eq!(verdict("h2-ping", State::Unsaid), AttackVerdict::NotApplicable);
}

#[test]
fn an_attack_that_fell_beside_others_is_run_again_alone() {
    assert!(is_settled(&result("long-uri", AttackVerdict::Held)));
    assert!(!is_settled(&result("long-uri", AttackVerdict::Fell)));
    assert!(!is_settled(&result("long-uri", AttackVerdict::Unknown)), "nobody watched");
}
