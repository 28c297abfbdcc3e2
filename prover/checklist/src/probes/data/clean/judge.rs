//! The judges of `data.clean`, on observations alone.

use std::time::Duration;

/// Outcome of a batch.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) good: usize,
    pub(super) good_stored: usize,
    /// Bad records that are stored.
    pub(super) bad_stored: Vec<String>,
    /// The reason of each bad record in the quarantine; none when it is not there.
    pub(super) set_aside: Vec<Option<String>>,
}

impl Seen {
    /// Returns true if nothing is left to wait for.
    pub(super) fn is_whole(&self) -> bool {
        self.good_stored == self.good && self.set_aside.iter().all(Option::is_some)
    }
}

/// Judges whether good records are stored and bad ones are not.
pub(super) fn validated(seen: &Seen) -> (bool, String) {
    let Seen { good, good_stored, bad_stored, set_aside } = seen;
    let bad = set_aside.len();
    match (good - good_stored, bad_stored.first()) {
        (_, Some(first)) => (false, format!("{} of {bad} bad records are stored, such as {first:?}", bad_stored.len())),
        (0, None) => (true, format!("of a batch {good} good records are stored, and none of {bad} bad ones")),
        (left, None) => (false, format!("{left} of {good} good records are not stored, between {bad} bad ones")),
    }
}

/// Judges whether bad records are set aside with their reason.
pub(super) fn quarantined(seen: &Seen, within: Duration) -> (bool, String) {
    let bad = seen.set_aside.len();
    let missing = seen.set_aside.iter().filter(|reason| reason.is_none()).count();
    let bare = seen.set_aside.iter().flatten().filter(|reason| reason.is_empty()).count();
    if missing > 0 {
        return (
            false,
            format!("{missing} of {bad} bad records are not in the quarantine after {within:.0?}: they are lost"),
        );
    }
    match bare {
        0 => {
            let first = seen.set_aside.iter().flatten().next().map_or("", String::as_str);
            (true, format!("{bad} of {bad} bad records are in the quarantine, with reasons such as: {first}"))
        }
        bare => (false, format!("{bare} of {bad} bad records have no reason in the quarantine")),
    }
}

/// Judges the retry of a mended record: whether it was accepted, is stored, and is left in the quarantine.
pub(super) fn retried(accepted: bool, stored: bool, is_left: bool) -> (bool, String) {
    let what = match (accepted, stored, is_left) {
        (false, _, _) => "the retry of a mended record is not answered as done",
        (true, false, _) => "a mended record is answered as taken, and is not stored",
        (true, true, true) => "a mended record is stored, and still in the quarantine",
        (true, true, false) => "a mended record is stored, and left the quarantine",
    };
    (accepted && stored && !is_left, what.to_owned())
}

/// Judges counters of good and bad records, which rose by so much for so many.
pub(super) fn measured(rose: [f64; 2], records: [usize; 2]) -> (Option<bool>, String) {
    let is_so = rose.iter().zip(records).all(|(rose, records)| (rose - records as f64).abs() < 1e-6);
    let what = format!(
        "counters of good and bad records rose by {} and {}, for {} and {} records",
        rose[0], rose[1], records[0], records[1]
    );
    (Some(is_so), what)
}
