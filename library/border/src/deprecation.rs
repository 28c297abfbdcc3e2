//! Deprecation of a route: `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and a link to what replaces it.

use std::time::{Duration, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::invalid_route::InvalidRouteRules;

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");
const SECONDS_OF_A_DAY: u64 = 24 * 60 * 60;
/// Years that a date can have: an HTTP date has four digits, and the epoch is the first.
const YEARS: std::ops::RangeInclusive<u64> = 1970..=9999;

/// A route that clients should leave. Dates are those of UTC: `2027-01-31`.
///
/// ```
/// use evenkeel_border::Deprecation;
///
/// let deprecation = Deprecation::since("2026-12-01").sunset("2027-06-30").link("/docs/v2");
/// assert_eq!(deprecation.date(), "2026-12-01");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deprecation {
    since: &'static str,
    sunset: Option<&'static str>,
    link: Option<&'static str>,
}

impl Deprecation {
    /// Deprecates the route from this date on.
    pub const fn since(date: &'static str) -> Self {
        Self { since: date, sunset: None, link: None }
    }

    /// Sets the date from which on the route may be gone; not before the deprecation.
    #[must_use]
    pub const fn sunset(self, date: &'static str) -> Self {
        Self { sunset: Some(date), ..self }
    }

    /// Sets the address of a page that says what to use instead.
    #[must_use]
    pub const fn link(self, uri: &'static str) -> Self {
        Self { link: Some(uri), ..self }
    }

    /// The date of the deprecation.
    pub const fn date(&self) -> &'static str {
        self.since
    }

    /// The date from which on the route may be gone.
    pub const fn sunset_date(&self) -> Option<&'static str> {
        self.sunset
    }

    /// Returns the headers of each answer of the route.
    pub(crate) fn headers(&self, route: &str) -> Result<HeaderMap, InvalidRouteRules> {
        let invalid = |value: &str| InvalidRouteRules::Date { route: route.to_owned(), date: value.to_owned() };
        let since = seconds_of(self.since).ok_or_else(|| invalid(self.since))?;
        let mut headers = HeaderMap::new();
        headers.insert(DEPRECATION, text(&format!("@{since}")).ok_or_else(|| invalid(self.since))?);
        if let Some(sunset) = self.sunset {
            let end = seconds_of(sunset).ok_or_else(|| invalid(sunset))?;
            if end < since {
                return Err(InvalidRouteRules::SunsetFirst { route: route.to_owned() });
            }
            let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(end));
            headers.insert(SUNSET, text(&date).ok_or_else(|| invalid(sunset))?);
        }
        if let Some(uri) = self.link {
            let is_uri = !uri.is_empty() && uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"".contains(&byte));
            let value = is_uri.then(|| text(&format!("<{uri}>; rel=\"deprecation\""))).flatten();
            let value = value.ok_or_else(|| InvalidRouteRules::Header {
                route: route.to_owned(),
                header: "link",
                value: uri.to_owned(),
            })?;
            headers.insert(header::LINK, value);
        }
        Ok(headers)
    }
}

fn text(value: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(value).ok()
}

/// Returns the seconds from the epoch until a date begins; none for a text that is no date.
fn seconds_of(date: &str) -> Option<u64> {
    let mut parts = date.split('-');
    let mut number = |digits: usize| {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        part.parse::<u64>().ok()
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    if parts.next().is_some() || !YEARS.contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    if day == 0 || day > days_of(year, month) {
        return None;
    }
    let years: u64 = (*YEARS.start()..year).map(|year| 365 + u64::from(is_leap(year))).sum();
    let months: u64 = (1..month).map(|month| days_of(year, month)).sum();
    Some((years + months + day - 1) * SECONDS_OF_A_DAY)
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_of(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_headers_have_the_dates_of_the_declaration() {
        let deprecation = Deprecation::since("2023-06-30").sunset("2024-02-29").link("https://example.org/v2");
        let headers = deprecation.headers("GET /old").unwrap();
        assert_eq!(headers["deprecation"], "@1688083200");
        assert_eq!(headers["sunset"], "Thu, 29 Feb 2024 00:00:00 GMT");
        assert_eq!(headers["link"], "<https://example.org/v2>; rel=\"deprecation\"");
        assert_eq!(Deprecation::since("2023-06-30").headers("GET /old").unwrap().len(), 1);
    }

    #[test]
    fn a_malformed_date_and_a_sunset_before_the_deprecation_are_refused() {
        for date in [
            "",
            "2023-6-30",
            "2023-02-29",
            "2023-13-01",
            "2023-00-01",
            "2023-01-00",
            "1969-12-31",
            "2023-01-01-01",
            "+023-01-01",
        ] {
            let error = Deprecation::since(date).headers("GET /old").unwrap_err().to_string();
            assert!(error.contains("GET /old") && error.contains(&format!("{date:?}")), "{error}");
        }
        let early = Deprecation::since("2023-06-30").sunset("2023-06-29").headers("GET /old");
        assert!(matches!(early, Err(InvalidRouteRules::SunsetFirst { .. })));
        let link = Deprecation::since("2023-06-30").link("a>b").headers("GET /old");
        assert!(matches!(link, Err(InvalidRouteRules::Header { header: "link", .. })));
    }

    proptest! {
        #[test]
        fn each_date_is_the_one_that_the_http_date_of_its_seconds_names(year in 1970_u64..3000, month in 1_u64..=12, day in 1_u64..=28) {
            let date = format!("{year:04}-{month:02}-{day:02}");
            let shown = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds_of(&date).unwrap()));
            let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][month as usize - 1];
            prop_assert!(shown.contains(&format!(", {day:02} {month} {year} 00:00:00")), "{date} {shown}");
        }
    }
}
