//! The judges of `data.purge`, on observations alone.

use std::collections::BTreeSet;
use std::time::Duration;

/// A row that was found gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone {
    /// The number of the look.
    pub(super) look: usize,
    /// Its least and its greatest age then.
    pub(super) least: Duration,
    pub(super) most: Duration,
}

/// Judges that rows are there for their time, and gone soon after; none when a look took so long that it is not known.
pub(super) fn kept(
    name: &str,
    keep: Duration,
    slack: Duration,
    late: Duration,
    rows: &[Option<Gone>],
) -> (Option<bool>, String) {
    let all = rows.len();
    let left = rows.iter().filter(|gone| gone.is_none()).count();
    if let Some(young) = rows.iter().flatten().find(|gone| gone.most + slack < keep) {
        let what = format!("a row of {name} is gone after {:.1?}, and is to be kept for {keep:.1?}", young.most);
        return (Some(false), what);
    }
    if left > 0 {
        return (Some(false), format!("{left} of {all} rows of {name} are there {late:.0?} after their {keep:.1?}"));
    }
    if let Some(unclear) = rows.iter().flatten().find(|gone| gone.least + slack * 5 < keep) {
        let what =
            format!("a row of {name} went between {:.1?} and {:.1?}: looks took too long", unclear.least, unclear.most);
        return (None, what);
    }
    let ages = || rows.iter().flatten().map(|gone| gone.most);
    let (first, last) = (ages().min().unwrap_or_default(), ages().max().unwrap_or_default());
    (
        Some(true),
        format!("{all} rows of {name}, which are to be kept for {keep:.1?}, went after {first:.1?} to {last:.1?}"),
    )
}

/// Judges that rows go a few at a time; none when all went between two looks.
pub(super) fn batches(name: &str, made: usize, rows: &[Option<Gone>]) -> (Option<bool>, String) {
    let looks: Vec<usize> = rows.iter().flatten().map(|gone| gone.look).collect();
    let groups = looks.iter().collect::<BTreeSet<_>>().len();
    match groups {
        0 => (None, format!("no row of {name} went: no batch was seen")),
        1 => (None, format!("{made} rows of {name} went between two looks: whether in batches is not known")),
        groups => {
            let told = format!(
                "of {made} rows of {name}, {} that were looked at went at {groups} different looks",
                looks.len()
            );
            match looks.is_sorted() {
                true => (Some(true), format!("{told}, the oldest first")),
                false => (Some(true), told),
            }
        }
    }
}
