//! The judges of `ratchet.dead-letters`, on observations alone.

use std::time::Duration;

/// Judges whether work behind such that cannot be processed is done: `left` of `good` are not after the bound.
pub(super) fn blocked(good: usize, left: usize, bad: usize, took: Duration) -> (bool, String) {
    let told = format!("{good} works between {bad} that cannot be processed");
    match left {
        0 => (true, format!("{told} are done after {took:.1?}")),
        left => (false, format!("of {told}, {left} are not done after {took:.0?}")),
    }
}

/// Judges whether work that cannot be processed is set aside with a reason: the reasons of those that were found, and the number of those that
/// show as done.
pub(super) fn stored(name: &str, reasons: &[Option<&str>], done: usize, within: Duration) -> (bool, String) {
    let asked = reasons.len();
    let missing = reasons.iter().filter(|reason| reason.is_none()).count();
    let bare = reasons.iter().filter(|reason| reason.is_some_and(str::is_empty)).count();
    if done > 0 {
        return (false, format!("{done} of {asked} works of {name} that cannot be processed are done, by `done`"));
    }
    if missing > 0 {
        let what = format!(
            "{missing} of {asked} works of {name} that cannot be processed are no dead letters after {within:.0?}"
        );
        return (false, what);
    }
    match bare {
        0 => {
            let reason = reasons.iter().flatten().next().unwrap_or(&"");
            (
                true,
                format!(
                    "{asked} of {asked} works of {name} that cannot be processed are dead letters; reason: {reason}"
                ),
            )
        }
        bare => (false, format!("{bare} of {asked} dead letters have no reason")),
    }
}

/// Judges whether dead letters survive a kill.
pub(super) fn kept(before: usize, after: usize) -> (bool, String) {
    (after == before, format!("of {before} dead letters, {after} are there after a SIGKILL and a new start"))
}

/// Judges an edit and the retry after it: whether the edit showed, the work was done, and the dead letter is still there.
pub(super) fn mended(
    is_shown: bool,
    is_done: bool,
    is_there: bool,
    took: Duration,
) -> ((bool, String), (bool, String)) {
    let edit = match (is_shown, is_done) {
        (true, true) => "an edit shows, and the work is done as edited",
        (false, true) => "an edit does not show, though the work is done as edited",
        (_, false) => "an edit is answered as done, and the work is not done as edited",
    };
    let retry = match (is_done, is_there) {
        (true, false) => format!("an edited dead letter is done {took:.1?} after its retry, and none any more"),
        (true, true) => "an edited dead letter is done after its retry, and still in the list".to_owned(),
        (false, _) => format!("an edited dead letter is not done {took:.0?} after its retry"),
    };
    ((is_shown && is_done, edit.to_owned()), (is_done && !is_there, retry))
}

/// Dead letters that were dropped.
pub(super) struct Removed {
    pub(super) dropped: usize,
    /// Those of them that are in the list at once.
    pub(super) at_once: usize,
    /// Those that are in it a while later.
    pub(super) later: usize,
}

/// Judges whether what was dropped is gone for good.
pub(super) fn dropped(removed: &Removed) -> (bool, String) {
    let Removed { dropped, at_once, later } = removed;
    match (at_once, later) {
        (0, 0) => (true, format!("{dropped} dead letters that were dropped are gone")),
        (0, later) => {
            (false, format!("{later} of {dropped} dead letters that were dropped are there again a while later"))
        }
        (at_once, _) => (false, format!("{at_once} of {dropped} dead letters that were dropped are still there")),
    }
}
