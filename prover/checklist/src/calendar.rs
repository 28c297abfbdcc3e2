//! Days and moments in UTC, all that decisions and reports need of a calendar: a day is read, written and compared, and now
//! is written down.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A day of the Gregorian calendar, such as `2026-11-21`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl Day {
    /// Today, in UTC.
    pub fn today() -> Self {
        Self::of(SystemTime::now())
    }

    /// A day written as `2026-11-21`, that the calendar has.
    ///
    /// # Errors
    /// A sentence that names the expected form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = || format!("{text:?} is no day: expected such as 2027-03-01");
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts[..] else { return Err(form()) };
        if (year.len(), month.len(), day.len()) != (4, 2, 2) || !parts.concat().bytes().all(|b| b.is_ascii_digit()) {
            return Err(form());
        }
        let (Ok(year), Ok(month), Ok(day)) = (year.parse(), month.parse(), day.parse()) else { return Err(form()) };
        if !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
            return Err(format!("{text:?} is no day of the calendar"));
        }
        Ok(Self { year, month, day })
    }

    fn of(moment: SystemTime) -> Self {
        Self::parse(&rfc3339(moment)[..10]).expect("RFC 3339 begins with a day")
    }
}

/// A moment as RFC 3339 writes it, in whole seconds.
pub fn rfc3339(moment: SystemTime) -> String {
    humantime::format_rfc3339_seconds(moment.max(UNIX_EPOCH)).to_string()
}

fn days_of(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Day {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_moment_is_written_to_the_second() {
        assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(1_795_237_323)), "2026-11-21T05:02:03Z");
    }

    #[test]
    fn only_days_of_the_calendar_are_read() {
        for wrong in
            ["", "2027-3-1", "2027-02-29", "2027-13-01", "2027-00-10", "01.03.2027", "+027-03-01", "2027-03-01 "]
        {
            assert!(Day::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(Day::parse("2028-02-29").is_ok());
    }

    proptest! {
        #[test]
        fn every_day_is_read_as_it_is_written_and_the_next_is_later(days in 0_u64..2_932_896) {
            let day = |days: u64| Day::of(UNIX_EPOCH + Duration::from_secs(days * 86_400));
            let (day, next) = (day(days), day(days + 1));
            prop_assert_eq!(Day::parse(&day.to_string()), Ok(day));
            prop_assert!(day < next);
        }
    }
}
