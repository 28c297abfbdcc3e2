//! The judges of `see.console`, on observations alone.

use std::time::Duration;

use http::StatusCode;
use keel_wire::http::Exchange;
use regex::Regex;

/// Time within which a page must be answered.
pub(super) const PROMPT: Duration = Duration::from_secs(1);

/// The first group of a pattern as a number; marks between its digits count for nothing.
pub(super) fn number_of(text: &str, pattern: &str) -> Option<f64> {
    let found = Regex::new(pattern).ok()?.captures(text)?.get(1)?.as_str().to_owned();
    let digits: String = found.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Judges whether requests are shown.
pub(super) fn risen(place: &str, name: &str, before: f64, after: Option<f64>, sent: u64) -> (bool, String) {
    let Some(after) = after else { return (false, format!("{place} does not show the number any more")) };
    let risen = after - before;
    (risen == sent as f64, format!("{sent} of {name} raised the number on {place} by {risen}"))
}

/// Judges a lever that an operator pulls and takes back. `stopped` is whether the request of `stops` was refused meanwhile.
pub(super) fn acted(
    pulled: Option<StatusCode>,
    is_shown: bool,
    stopped: Option<bool>,
    released: Option<StatusCode>,
    is_shown_after: bool,
) -> (bool, String) {
    let is_taken = |status: Option<StatusCode>| status.is_some_and(|status| status.as_u16() < 400);
    let came = |status: Option<StatusCode>| {
        status.map_or_else(|| "not at all".to_owned(), |status| status.as_u16().to_string())
    };
    if !is_taken(pulled) {
        return (false, format!("a lever of an operator is answered {}", came(pulled)));
    }
    if !is_shown {
        return (false, "a lever is pulled, and no page shows it".to_owned());
    }
    if stopped == Some(false) {
        return (false, "a page shows a lever as pulled, and it has no effect outside".to_owned());
    }
    if !is_taken(released) || is_shown_after {
        return (false, format!("a lever is not taken back: it is answered {}", came(released)));
    }
    let outside = if stopped.is_some() { ", and it has effect outside" } else { "" };
    (true, format!("a lever is pulled and taken back, and a page shows both{outside}"))
}

/// Judges a lever that must be refused.
pub(super) fn untouched(how: &str, status: Option<StatusCode>, is_shown: bool) -> (bool, String) {
    let came = status.map_or_else(|| "not at all".to_owned(), |status| status.as_u16().to_string());
    if is_shown {
        return (false, format!("a lever acts {how}: it is answered {came}"));
    }
    (true, format!("a lever {how} changes nothing: it is answered {came}"))
}

/// Judges the lines of the log with the reason.
pub(super) fn audited(lines: &[String], author: Option<&str>, reason: &str) -> (bool, String) {
    let has_both = |line: &&String| line.contains(reason) && author.is_none_or(|author| line.contains(author));
    match (lines.iter().find(has_both), lines.is_empty()) {
        (Some(_), _) => (true, "author and reason of a lever are in the log".to_owned()),
        (None, true) => (false, "the reason of a lever is not in the log".to_owned()),
        (None, false) => (false, "the log has the reason of a lever, and not its author".to_owned()),
    }
}

/// Judges the looks at a page while the public side is busy.
pub(super) fn prompt(looks: &[Exchange]) -> (bool, String) {
    let slowest = looks.iter().map(|look| look.took).max().unwrap_or_default();
    let failed = looks.iter().filter(|look| !look.status().is_some_and(|status| status.is_success())).count();
    let told = format!("{} looks at a page while the public side is busy", looks.len());
    if failed > 0 {
        return (false, format!("{failed} of {told} are not answered"));
    }
    (slowest <= PROMPT, format!("{told} take at most {} ms", slowest.as_millis()))
}
