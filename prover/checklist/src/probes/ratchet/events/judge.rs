//! The judges of `ratchet.events`, on observations alone.

use std::collections::{BTreeMap, BTreeSet};

use super::log::Row;

/// The names of each acknowledged append, in the order in which one writer sent them.
pub(super) type Writer = Vec<Vec<String>>;

/// Reads while writers were at work, and one after them.
pub(super) struct Followed<'f> {
    pub(super) writers: &'f [Writer],
    /// The readers that followed meanwhile.
    pub(super) live: &'f [Vec<Row>],
    pub(super) again: &'f [Row],
    /// The events of one append.
    pub(super) each: usize,
}

impl Followed<'_> {
    fn appends(&self) -> impl Iterator<Item = &Vec<String>> {
        self.writers.iter().flatten()
    }

    /// The position in the later read of the first event of each append.
    fn places(&self) -> BTreeMap<&str, usize> {
        let mut places = BTreeMap::new();
        for (place, row) in self.again.iter().enumerate() {
            places.entry(row.id.as_str()).or_insert(place);
        }
        places
    }
}

/// The number of rows whose id is among the names.
pub(super) fn of_append(rows: &[Row], names: &[String]) -> usize {
    rows.iter().filter(|row| names.contains(&row.id)).count()
}

/// Judges that all reads have one order, in which the events of one writer are as it sent them.
pub(super) fn ordered(seen: &Followed<'_>) -> (bool, String) {
    let place: BTreeMap<&str, usize> =
        seen.again.iter().enumerate().map(|(place, row)| (row.cursor.as_str(), place)).collect();
    for live in seen.live {
        let places: Vec<usize> = live.iter().filter_map(|row| place.get(row.cursor.as_str()).copied()).collect();
        if let Some(pair) = places.windows(2).find(|pair| pair[0] > pair[1]) {
            let (one, other) = (&seen.again[pair[0]].cursor, &seen.again[pair[1]].cursor);
            let what = format!("a reader that followed has event {one} before {other}, and a later read the other way");
            return (false, what);
        }
    }
    let places = seen.places();
    let of = |names: &Vec<String>| names.iter().filter_map(|name| places.get(name.as_str()).copied()).min();
    for writer in seen.writers {
        let order: Vec<usize> = writer.iter().filter_map(of).collect();
        if let Some(pair) = order.windows(2).find(|pair| pair[0] > pair[1]) {
            let (later, earlier) = (&seen.again[pair[1]].cursor, &seen.again[pair[0]].cursor);
            let what = format!(
                "event {later} stands before {earlier}, whose request was acknowledged before that of {later} was sent"
            );
            return (false, what);
        }
    }
    let (writers, readers, rows) = (seen.writers.len(), seen.live.len(), seen.again.len());
    let what = format!(
        "{readers} readers that followed {writers} writers and a later read have {rows} events in one order, in which those of one writer are \
         as it sent them"
    );
    (true, what)
}

/// Judges that each read has each event once.
pub(super) fn gap_free(seen: &Followed<'_>) -> (bool, String) {
    let acknowledged = seen.appends().count();
    let missing = seen.appends().filter(|names| of_append(seen.again, names) == 0).count();
    if missing > 0 {
        return (false, format!("{missing} of {acknowledged} acknowledged events are not in the log"));
    }
    let again: BTreeSet<&str> = seen.again.iter().map(|row| row.cursor.as_str()).collect();
    for live in seen.live {
        let read: BTreeSet<&str> = live.iter().map(|row| row.cursor.as_str()).collect();
        let skipped: Vec<&&str> = again.difference(&read).collect();
        if let Some(first) = skipped.first() {
            let what = format!(
                "a reader that followed has left out {} of {} events that are there in a later read, such as {first}",
                skipped.len(),
                again.len()
            );
            return (false, what);
        }
    }
    let more = |rows: &[Row]| seen.appends().filter(|names| of_append(rows, names) > seen.each).count();
    let doubled = seen.live.iter().map(|live| more(live)).chain([more(seen.again)]).max().unwrap_or_default();
    if doubled > 0 {
        return (false, format!("{doubled} of {acknowledged} acknowledged events came more often than in peace"));
    }
    (true, format!("{acknowledged} acknowledged events came to {} readers that followed, each once", seen.live.len()))
}

/// Judges that what was read before is there afterwards as it was, and that no acknowledged event is missing.
pub(super) fn kept(before: &[Row], after: &[Row], appends: &[Vec<String>], since: &str) -> (bool, String) {
    let now: BTreeMap<&str, &str> = after.iter().map(|row| (row.cursor.as_str(), row.whole.as_str())).collect();
    let gone = before.iter().filter(|row| !now.contains_key(row.cursor.as_str())).count();
    if gone > 0 {
        return (false, format!("{gone} of {} events that were read are not there {since}", before.len()));
    }
    if let Some(row) = before.iter().find(|row| now.get(row.cursor.as_str()) != Some(&row.whole.as_str())) {
        let cursor = &row.cursor;
        return (false, format!("event {cursor} is another one {since} than when it was read first"));
    }
    let new_before_old = before.iter().zip(after).find(|(one, other)| one.cursor != other.cursor);
    if let Some((_, new)) = new_before_old {
        return (false, format!("event {} stands {since} before events that were read without it", new.cursor));
    }
    let missing = appends.iter().filter(|names| of_append(after, names) == 0).count();
    if missing > 0 {
        return (false, format!("{missing} of {} acknowledged events are not in the log {since}", appends.len()));
    }
    (true, format!("{} events are there {since} as they were read before, and all acknowledged ones", before.len()))
}

/// A projection beside the log.
pub(super) struct Folded {
    /// The number before the first event, and the amount by which each moves it.
    pub(super) before: f64,
    pub(super) by: f64,
    pub(super) now: f64,
    /// Events since then.
    pub(super) events: usize,
    /// Those of them that belong to no acknowledged request.
    pub(super) strangers: usize,
}

impl Folded {
    pub(super) fn is_equal(&self) -> bool {
        (self.before + self.by * self.events as f64 - self.now).abs() < 1e-6
    }
}

/// Judges that a projection is the fold of the log; none when events may be of another kind.
pub(super) fn folded(seen: &Folded, since: &str) -> (Option<bool>, String) {
    let moved = (seen.now - seen.before) / seen.by;
    let told = format!("{since} the projection has moved as by {moved} events, and the log has {}", seen.events);
    // Those of requests without an answer, and those of others, may move it or not.
    let least = (seen.events - seen.strangers.min(seen.events)) as f64;
    let is_possible = seen.strangers > 0 && moved >= least && moved <= seen.events as f64;
    match (seen.is_equal(), is_possible) {
        (true, _) => (Some(true), told),
        (false, true) => (None, format!("{told}, of which {} are of no known request", seen.strangers)),
        (false, false) => (Some(false), told),
    }
}

/// Judges a rebuild: the projection was seen on its way, and is as it was before.
pub(super) fn rebuilt(expected: f64, seen: &[f64]) -> (Option<bool>, String) {
    let last = seen.last().copied().unwrap_or(f64::NAN);
    if last != expected {
        return (Some(false), format!("a projection that was {expected} is {last} after it was rebuilt from zero"));
    }
    match seen.iter().find(|number| **number != expected) {
        Some(way) => {
            (Some(true), format!("a projection was {way} while it was rebuilt from zero, and is {expected} again"))
        }
        None => (None, format!("a projection was {expected} in every look: whether it was rebuilt is not known")),
    }
}

/// Judges that an event in an old form is read, and folded like others, and that those behind it are.
pub(super) fn old_form(rows: usize, behind: bool, moved: Option<f64>) -> (Option<bool>, String) {
    match (rows, behind, moved) {
        (0, true, _) => (None, "no event came of the command in `old`: check it".to_owned()),
        (_, false, _) => (Some(false), "behind an event in an old form no further event is read".to_owned()),
        (_, true, None) => (None, "an event in an old form is read; whether it is folded is not known".to_owned()),
        (rows, true, Some(moved)) if (moved - rows as f64 - 1.0).abs() < 1e-6 => {
            (Some(true), "an event in an old form is read and folded, and so is the one behind it".to_owned())
        }
        (rows, true, Some(moved)) => (
            Some(false),
            format!("{rows} events in an old form and one behind them have moved the projection as {moved} events do"),
        ),
    }
}
