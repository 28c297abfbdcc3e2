//! The judges of `ratchet.steps`, on observations alone.

use std::time::Duration;

/// Observations around a kill in the last step that calls.
pub(super) struct Crash {
    /// Works that were acknowledged.
    pub(super) works: usize,
    /// Those of them that had made the call of the last step.
    pub(super) reached: usize,
    /// Those that are not done.
    pub(super) left: usize,
    /// Calls of the first step after the kill; none when a work makes one kind of call.
    pub(super) first_again: Option<usize>,
    /// Calls of the last step after the kill.
    pub(super) last_again: usize,
    /// Effects that all calls of the last step ask for; none when they cannot be told apart.
    pub(super) last_known: Option<usize>,
    pub(super) took: Duration,
}

/// Judges where works go on.
pub(super) fn crash(name: &str, dependency: &str, seen: &Crash) -> (Option<bool>, String) {
    let Crash { works, reached, left, first_again, last_again, took, .. } = seen;
    let told = format!("{reached} of {works} works of {name} were in a later step at a SIGKILL");
    if *left > 0 {
        return (Some(false), format!("{told}; {left} are not done {took:.0?} after the new start"));
    }
    if last_again < reached {
        let what = format!("{told}; only {last_again} of them called {dependency} again after the new start");
        return (Some(false), what);
    }
    match first_again {
        None => {
            let what = format!(
                "{told} and are done after a new start, but a work makes one kind of call to {dependency}: declare one that makes two"
            );
            (None, what)
        }
        Some(again) if *again > works - reached => {
            (Some(false), format!("{told}; after the new start {again} calls of the first step came again"))
        }
        Some(_) => (
            Some(true),
            format!("{told}; all are done {took:.1?} after the new start, and the first step was not run again"),
        ),
    }
}

/// Judges whether each step took effect once: by the number at `effect`, which moved by so many works of so many, and by the effects that the
/// last calls ask for.
pub(super) fn moved(
    name: &str,
    dependency: &str,
    seen: &Crash,
    effect: Option<(f64, usize)>,
) -> (Option<bool>, String) {
    let Crash { works, left, last_known, .. } = seen;
    if *left > 0 {
        return (Some(false), format!("{left} of {works} works of {name} stay between two steps after a SIGKILL"));
    }
    if let Some((moves, works)) = effect.filter(|(moves, works)| (moves - *works as f64).abs() > 1e-6) {
        return (
            Some(false),
            format!("{works} works of {name} moved the number at `effect` {moves} times around a SIGKILL"),
        );
    }
    match (last_known, effect) {
        (Some(known), _) if known > works => {
            (Some(false), format!("{works} works of {name} called {dependency} in their last step under {known} keys"))
        }
        (Some(_), Some(_)) => (
            Some(true),
            format!(
                "{works} works of {name} around a SIGKILL took each effect once, and repeated calls under the same keys"
            ),
        ),
        (None, _) => {
            let what = format!(
                "calls to {dependency} have neither an `Idempotency-Key` nor a path of their own: a repeat looks like a second effect"
            );
            (None, what)
        }
        (_, None) => (None, format!("the effect of {name} was not counted: declare `effect` and `value` in `steps`")),
    }
}

/// Judges works of which a step fails for good: `left` of them do not show as undone, and the number at `effect` moved by `rest`; none when it
/// was not read.
pub(super) fn undone(
    name: &str,
    works: usize,
    left: usize,
    rest: Option<f64>,
    within: Duration,
) -> (Option<bool>, String) {
    let told = format!("{works} works of {name} with a step that fails for good");
    if left > 0 {
        return (Some(false), format!("of {told}, {left} do not end as `undone` says within {within:.0?}"));
    }
    match rest {
        Some(rest) if rest.abs() > 1e-6 => {
            (Some(false), format!("{told} end undone, and leave the number at `effect` moved by {rest}"))
        }
        Some(_) => (Some(true), format!("{told} end undone, and the number at `effect` is as before")),
        None => {
            (None, format!("{told} end undone; what they leave was not seen: declare `effect` and `value` in `steps`"))
        }
    }
}
