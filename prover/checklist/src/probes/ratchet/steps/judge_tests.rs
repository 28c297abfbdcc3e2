//! The judges of `ratchet.steps` on observations, without a server.

use std::time::{Duration, Instant};

use keel_drill::double::Call;
use keel_drill::trace_headers::TraceHeaders;

use super::calls::{Kinds, known};
use super::judge::{Crash, crash, moved, undone};

fn call(method: &str, path: &str, key: Option<&str>) -> Call {
    Call {
        at: Instant::now(),
        method: method.parse().unwrap(),
        path: path.to_owned(),
        key: key.map(str::to_owned),
        patience: Vec::new(),
        trace: TraceHeaders::default(),
        ended: None,
    }
}

fn seen() -> Crash {
    Crash {
        works: 4,
        reached: 4,
        left: 0,
        first_again: Some(0),
        last_again: 4,
        last_known: Some(4),
        took: Duration::from_secs(1),
    }
}

#[test]
fn a_kind_of_call_that_each_work_makes_once_is_of_a_step() {
    let mut calls = vec![call("GET", "/livez", None)];
    for work in ["a", "b"] {
        calls.push(call("POST", "/pay", Some(&format!("pay-{work}"))));
        calls.push(call("GET", "/livez", None));
        calls.push(call("POST", "/tell", Some(&format!("tell-{work}"))));
    }
    let kinds = Kinds::of(&calls, 2);
    assert!(kinds.are_two());
    assert_eq!(kinds.first().map(|call| call.path.as_str()), Some("/pay"));
    assert_eq!(kinds.last()[0].path, "/tell");
    calls.insert(0, call("POST", "/pay", Some("pay-earlier")));
    assert!(Kinds::of(&calls, 2).are_two(), "a work of before called as well");
    calls.retain(|call| call.key.is_some() || call.path != "/livez");
    calls.extend([call("GET", "/livez", None), call("GET", "/livez", None)]);
    assert_eq!(Kinds::of(&calls, 2).all().len(), 2, "a check without a key came as often");
    assert_eq!(
        Kinds::of(&[call("GET", "/livez", None), call("GET", "/livez", None), call("GET", "/livez", None)], 2)
            .all()
            .len(),
        0
    );
}

#[test]
fn effects_differ_by_their_keys_and_by_paths_of_idempotent_methods() {
    assert_eq!(known(&[call("POST", "/pay", Some("a")), call("POST", "/pay", Some("a"))]), Some(1));
    assert_eq!(known(&[call("PUT", "/pay/1", None), call("PUT", "/pay/2", None)]), Some(2));
    assert_eq!(known(&[call("POST", "/pay", None)]), None);
}

#[test]
fn works_go_on_from_their_last_step() {
    let good = |change: &dyn Fn(&mut Crash)| {
        let mut seen = seen();
        change(&mut seen);
        crash("pay", "bank", &seen).0
    };
    assert_eq!(good(&|_| {}), Some(true));
    assert_eq!(good(&|seen| seen.first_again = Some(1)), Some(false), "a committed step was run again");
    assert_eq!(good(&|seen| (seen.reached, seen.first_again) = (3, Some(1))), Some(true), "one was in its first step");
    assert_eq!(good(&|seen| seen.left = 1), Some(false));
    assert_eq!(good(&|seen| seen.last_again = 3), Some(false), "one was given up in the middle");
    assert_eq!(good(&|seen| seen.first_again = None), None);
}

#[test]
fn each_step_takes_effect_once() {
    let good = |moves, known, left| {
        let seen = Crash { last_known: known, left, ..seen() };
        moved("pay", "bank", &seen, moves).0
    };
    assert_eq!(good(Some((4.0, 4)), Some(4), 0), Some(true));
    assert_eq!(good(Some((5.0, 4)), Some(4), 0), Some(false));
    assert_eq!(good(Some((4.0, 4)), Some(5), 0), Some(false), "a repeat has another key");
    assert_eq!(good(Some((4.0, 4)), Some(4), 1), Some(false));
    assert_eq!(good(None, Some(4), 0), None);
    assert_eq!(good(Some((4.0, 4)), None, 0), None);
}

#[test]
fn a_work_that_fails_leaves_nothing() {
    let good = |left, rest| undone("pay", 2, left, rest, Duration::from_secs(1)).0;
    assert_eq!(good(0, Some(0.0)), Some(true));
    assert_eq!(good(1, Some(0.0)), Some(false));
    assert_eq!(good(0, Some(-2.0)), Some(false));
    assert_eq!(good(0, None), None);
}
