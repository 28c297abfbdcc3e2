//! Commit boundaries: the places between two commits, where a test ends the process.

/// The commit boundaries, in the order in which a job passes them. A process ends at the one that `EVENKEEL_WORK_ABORT_AT` names.
#[cfg(feature = "testing")]
pub const BOUNDARIES: [&str; 8] = [
    "claim: before the commit",
    "claim: after the commit",
    "handler: after its end",
    "completion: before the commit",
    "completion: after the commit",
    "failure: before the commit",
    "failure: after the commit",
    "transaction: before the commit",
];

/// The commit boundaries of subscriptions, in the order in which a batch passes them.
#[cfg(feature = "testing")]
pub const EVENT_BOUNDARIES: [&str; 4] =
    ["fold: before the commit", "fold: after the commit", "delivery: after its end", "delivery: after the commit"];

/// The commit boundaries of runs.
#[cfg(feature = "testing")]
pub const RUN_BOUNDARIES: [&str; 8] = [
    "step: before the commit",
    "step: after the commit",
    "intent: after the commit",
    "call: after its end",
    "result: after the commit",
    "wait: after the commit",
    "undo: before the commit",
    "undo: after the commit",
];

/// Marks a boundary. With the feature `testing`, the process ends here when `EVENKEEL_WORK_ABORT_AT` names the boundary.
#[inline]
pub(crate) fn boundary(name: &'static str) {
    #[cfg(feature = "testing")]
    {
        use std::sync::LazyLock;

        static ABORT_AT: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("EVENKEEL_WORK_ABORT_AT").ok());
        let is_known = [&BOUNDARIES[..], &EVENT_BOUNDARIES, &RUN_BOUNDARIES].concat().contains(&name);
        debug_assert!(is_known, "{name} is in a list");
        if ABORT_AT.as_deref() == Some(name) {
            std::process::abort();
        }
    }
    #[cfg(not(feature = "testing"))]
    let _ = name;
}
