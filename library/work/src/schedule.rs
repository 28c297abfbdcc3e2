//! Schedules: cron patterns in a time zone, each slot fired once over all nodes.

pub(crate) mod firing;
mod table;

use std::time::{Duration, SystemTime};

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::error::Refusal;
use crate::job::NewJob;

pub use table::ScheduleRow;

/// Maximum number of missed slots that are fired in one round of [`MissedSlots::Each`]; the next round goes on.
pub const MAX_SLOTS: usize = 100;
/// The lateness up to which a slot is not missed.
pub const ON_TIME: Duration = Duration::from_secs(60);

/// The policy for slots that passed while no worker ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissedSlots {
    /// One job, for the last of them.
    #[default]
    Once,
    /// None: a slot that is late by more than [`ON_TIME`] is left out.
    Skip,
    /// A job for each of them, at most [`MAX_SLOTS`] in one round.
    Each,
}

/// A schedule: a name, a cron pattern and a time zone.
///
/// The pattern has five fields, or six with seconds first: `0 3 * * *` is every day at 3:00, `*/15 9-17 * * MON-FRI` every quarter of an
/// hour at work. A local time that a change of the clock skips fires right after it, one that it repeats fires once.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub(crate) name: String,
    pub(crate) cron: String,
    pub(crate) zone: String,
    pub(crate) missed: MissedSlots,
}

impl Schedule {
    /// A schedule in UTC. The name is the identity of the schedule in the database.
    pub fn new(name: impl Into<String>, cron: impl Into<String>) -> Self {
        Self { name: name.into(), cron: cron.into(), zone: "UTC".to_owned(), missed: MissedSlots::default() }
    }

    /// Sets the time zone by its IANA name, such as `Europe/Berlin`.
    #[must_use]
    pub fn zone(self, name: impl Into<String>) -> Self {
        Self { zone: name.into(), ..self }
    }

    /// Sets the policy for slots that passed while no worker ran. Default [`MissedSlots::Once`].
    #[must_use]
    pub fn missed(self, policy: MissedSlots) -> Self {
        Self { missed: policy, ..self }
    }

    /// Reads the pattern and the zone.
    ///
    /// # Errors
    /// [`Refusal::Schedule`] with the part that cannot be read.
    pub fn slots(&self) -> Result<Slots, Refusal> {
        let refused = |reason: String| Refusal::Schedule { name: self.name.clone(), reason };
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        let cron = parser.parse(&self.cron).map_err(|error| {
            refused(format!("the pattern {:?} cannot be read: {error}; write it as 0 3 * * *", self.cron))
        })?;
        let zone = TimeZone::get(&self.zone).map_err(|error| {
            refused(format!("the zone {:?} is not known: {error}; write it as Europe/Berlin", self.zone))
        })?;
        let slots = Slots { cron, zone, missed: self.missed };
        // A pattern such as 30 February has no slot at all.
        match slots.after(SystemTime::now()) {
            Some(_) => Ok(slots),
            None => Err(refused(format!("the pattern {:?} has no slot in the future", self.cron))),
        }
    }
}

/// The slots of a schedule.
#[derive(Clone, Debug)]
pub struct Slots {
    cron: Cron,
    zone: TimeZone,
    missed: MissedSlots,
}

/// The slots to fire, and the one to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) fire: Vec<SystemTime>,
    /// None when the pattern has no further slot.
    pub(crate) next: Option<SystemTime>,
}

impl Slots {
    /// Returns the first slot behind a moment; none when the pattern has no further one.
    pub fn after(&self, moment: SystemTime) -> Option<SystemTime> {
        let moment = Zoned::new(Timestamp::try_from(moment).ok()?, self.zone.clone());
        let next = self.cron.find_next_occurrence(&moment, false).ok()?;
        Some(next.timestamp().into())
    }

    /// Decides which slots fire, when the slot `next` has come.
    pub(crate) fn due(&self, next: SystemTime, now: SystemTime) -> Due {
        match self.missed {
            MissedSlots::Each => {
                let mut due = Due { fire: Vec::new(), next: Some(next) };
                while let Some(slot) = due.next.filter(|slot| *slot <= now && due.fire.len() < MAX_SLOTS) {
                    due.fire.push(slot);
                    due.next = self.after(slot);
                }
                due
            }
            MissedSlots::Once | MissedSlots::Skip => {
                let last = self.last_until(next, now);
                let late = now.duration_since(last).unwrap_or_default();
                let fires = self.missed == MissedSlots::Once || late <= ON_TIME;
                Due { fire: if fires { vec![last] } else { Vec::new() }, next: self.after(now) }
            }
        }
    }

    /// The last slot up to `now`, at least `first`.
    fn last_until(&self, first: SystemTime, now: SystemTime) -> SystemTime {
        let last = || {
            let now = Zoned::new(Timestamp::try_from(now).ok()?, self.zone.clone());
            let last = self.cron.find_previous_occurrence(&now, true).ok()?;
            Some(SystemTime::from(last.timestamp()))
        };
        last().map_or(first, |last| last.max(first))
    }
}

/// Makes the job of a slot.
pub(crate) type MakeJob = Box<dyn Fn(SystemTime) -> NewJob + Send + Sync>;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SystemTime {
        text.parse::<Timestamp>().expect("a moment").into()
    }

    fn slots(cron: &str, zone: &str, missed: MissedSlots) -> Slots {
        Schedule::new("test", cron).zone(zone).missed(missed).slots().expect("it is read")
    }

    fn times(slots: &[SystemTime]) -> Vec<String> {
        slots.iter().map(|slot| Timestamp::try_from(*slot).expect("a moment").to_string()).collect()
    }

    #[test]
    fn a_pattern_or_a_zone_that_cannot_be_read_is_named() {
        for (cron, zone, message) in [
            ("61 * * * *", "UTC", "the pattern \"61 * * * *\" cannot be read"),
            ("* * *", "UTC", "the pattern \"* * *\" cannot be read"),
            ("0 3 * * *", "Europe/Atlantis", "the zone \"Europe/Atlantis\" is not known"),
            ("0 0 30 2 *", "UTC", "has no slot in the future"),
        ] {
            let error = Schedule::new("nightly", cron).zone(zone).slots().expect_err("it is refused").to_string();
            assert!(error.starts_with("the schedule nightly: ") && error.contains(message), "{error}");
        }
    }

    #[test]
    fn a_local_time_that_the_clock_skips_fires_once_and_so_does_one_that_it_repeats() {
        // In 2026 clocks in Berlin go forward on 29 March at 2:00 and back on 25 October at 3:00.
        let daily = slots("30 2 * * *", "Europe/Berlin", MissedSlots::Each);
        let spring = daily.due(at("2026-03-28T01:30:00Z"), at("2026-03-30T12:00:00Z"));
        assert_eq!(times(&spring.fire), ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
        let autumn = daily.due(at("2026-10-24T00:30:00Z"), at("2026-10-26T12:00:00Z"));
        assert_eq!(times(&autumn.fire), ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    }

    #[test]
    fn missed_slots_follow_the_policy() {
        let (first, now) = (at("2026-11-01T03:00:00Z"), at("2026-11-04T09:00:00Z"));
        let due = |missed| slots("0 3 * * *", "UTC", missed).due(first, now);
        assert_eq!(times(&due(MissedSlots::Once).fire), ["2026-11-04T03:00:00Z"]);
        assert_eq!(times(&due(MissedSlots::Skip).fire), Vec::<String>::new());
        assert_eq!(due(MissedSlots::Each).fire.len(), 4);
        let next = at("2026-11-05T03:00:00Z");
        assert!(
            [MissedSlots::Once, MissedSlots::Skip, MissedSlots::Each]
                .iter()
                .all(|&missed| due(missed).next == Some(next))
        );
    }

    #[test]
    fn a_slot_on_time_fires_under_every_policy() {
        let slot = at("2026-11-01T03:00:00Z");
        for missed in [MissedSlots::Once, MissedSlots::Skip, MissedSlots::Each] {
            let due = slots("0 3 * * *", "UTC", missed).due(slot, slot + Duration::from_secs(2));
            assert_eq!(due.fire, [slot], "{missed:?}");
        }
    }

    #[test]
    fn each_of_many_missed_slots_fires_in_bounded_rounds() {
        let minutely = slots("* * * * *", "UTC", MissedSlots::Each);
        let (mut next, now) = (at("2026-11-01T00:00:00Z"), at("2026-11-01T04:00:00Z"));
        let mut fired = Vec::new();
        while next <= now {
            let due = minutely.due(next, now);
            assert!(due.fire.len() <= MAX_SLOTS);
            fired.extend(due.fire);
            next = due.next.expect("a further slot");
        }
        assert_eq!(fired.len(), 241);
        assert!(fired.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
