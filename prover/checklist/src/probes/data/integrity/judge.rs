//! The judges of `data.integrity`, on observations alone.

use std::time::Duration;

/// An alarm after a change of stored data, and after that was taken back.
#[derive(Clone, Debug)]
pub(super) struct Alarm {
    /// The text by which it names the row.
    pub(super) name: String,
    /// Time after the change at which it named the row; none when it did not.
    pub(super) found: Option<Duration>,
    /// Time after the repair at which it did so no more.
    pub(super) over: Option<Duration>,
    /// Bound of both.
    pub(super) within: Duration,
}

/// Judges that a breach alerts, with the row.
pub(super) fn alerts(alarm: &Alarm) -> (Option<bool>, String) {
    let Alarm { name, found, within, .. } = alarm;
    match found {
        Some(found) if found <= within => {
            (Some(true), format!("a row was damaged, and the alarm named {name:?} {found:.1?} later"))
        }
        _ => (Some(false), format!("a row was damaged, and no alarm named {name:?} for {within:.0?}")),
    }
}

/// Judges that checks go on: one found the damage, and a later one found it gone.
pub(super) fn checked(alarm: &Alarm) -> (Option<bool>, String) {
    let within = alarm.within;
    match (alarm.found, alarm.over) {
        (None, _) => (None, "without an alarm no check was seen".to_owned()),
        (Some(found), Some(over)) => {
            let what = format!(
                "a check found the damage after {found:.1?}, and another one found it repaired after {over:.1?}"
            );
            (Some(true), what)
        }
        (Some(_), None) => {
            let what = format!(
                "the alarm was there {within:.0?} after the repair: whether there was a second check is not known"
            );
            (None, what)
        }
    }
}

/// Judges that a change which no invariant sees is found.
pub(super) fn checksums(alarm: &Alarm) -> (Option<bool>, String) {
    let Alarm { name, found, within, .. } = alarm;
    match found {
        Some(found) => {
            (Some(true), format!("what is stored was changed, and the alarm named {name:?} {found:.1?} later"))
        }
        None => (
            Some(false),
            format!("what is stored was changed under its checksum, and no alarm named {name:?} for {within:.0?}"),
        ),
    }
}
