//! Days and moments in UTC. All that decisions and reports need of a calendar, so no crate for it: a day is read, written
//! and compared, and now is written down.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

const SECONDS_A_DAY: u64 = 86_400;

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
        Self::from_days(since_1970(SystemTime::now()) / SECONDS_A_DAY)
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

    /// Days since 1970-01-01, to the end of the year 9999. Source: Howard Hinnant, "chrono-Compatible Low-Level Date
    /// Algorithms", `civil_from_days`.
    fn from_days(days: u64) -> Self {
        let shifted = days.min(2_932_896) + 719_468;
        let (era, of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        // All three are in range: the days were cut at 9999-12-31.
        Self { year: year as u16, month: month as u8, day: day as u8 }
    }
}

/// A moment as RFC 3339 writes it, in whole seconds.
pub fn rfc3339(moment: SystemTime) -> String {
    let seconds = since_1970(moment);
    let (day, of_day) = (Day::from_days(seconds / SECONDS_A_DAY), seconds % SECONDS_A_DAY);
    format!("{day}T{:02}:{:02}:{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

fn since_1970(moment: SystemTime) -> u64 {
    moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
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
    fn days_are_counted_right() {
        assert_eq!(Day::from_days(0).to_string(), "1970-01-01");
        assert_eq!(Day::from_days(11_016).to_string(), "2000-02-29");
        assert_eq!(Day::from_days(20_778).to_string(), "2026-11-21");
    }

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
            let (day, next) = (Day::from_days(days), Day::from_days(days + 1));
            prop_assert_eq!(Day::parse(&day.to_string()), Ok(day));
            prop_assert!(day < next);
        }
    }
}
