//! Alerts of an objective in made-up courses of failures: an outage, its repair, and a slow burn.

use super::evaluation::{Course, World};
use super::expression::{Selector, seconds};
use crate::clause::see::slo as clause;
use crate::finding::Evidence;
use crate::probes::see::alerts::PAGES;
use crate::probes::see::ops_files::Alert;

/// The time in which a total outage must page.
const PAGE_WITHIN: u64 = 3_600;
/// The duration of the outage that is repaired, in seconds.
const OUTAGE: u64 = 600;
/// Halvings of the share at which an alert begins to fire.
const HALVINGS: usize = 40;
/// A page must end within this part of its longest window after the repair.
const PART: u64 = 3;

/// An alert on how fast an objective's budget goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Burn {
    name: String,
    pages: bool,
    /// The windows of its counters, in seconds, the shortest first.
    windows: Vec<u64>,
    in_peace: bool,
    /// The share of failures, kept up, at which it fires; none when it never does.
    from: Option<f64>,
    /// Seconds of a total outage until it fires; none when it does not within `PAGE_WITHIN`.
    fires_after: Option<u64>,
    /// Seconds after the repair of an outage until it ends; none when it does not within its longest window.
    ends_after: Option<u64>,
    /// Why it was not evaluated.
    unread: Option<String>,
}

impl Burn {
    /// Puts an alert through the courses.
    pub(super) fn of(world: World<'_>, alert: &Alert, ranges: &[Selector]) -> Self {
        let mut windows: Vec<u64> = ranges.iter().filter_map(|selector| selector.window).collect();
        windows.sort_unstable();
        windows.dedup();
        let longest = windows.last().copied().unwrap_or_default();
        let prepared = world.prepare(&alert.expression);
        let fires = |course: Course<'_>| prepared.as_ref().is_ok_and(|read| read.value(course).is_some());
        let held = if alert.held.is_empty() { 0 } else { seconds(&alert.held).unwrap_or_default() };
        let of_outage = |lasts: u64, ended: u64, window: u64| {
            let seen = lasts.min(window.saturating_sub(ended));
            if window == 0 { 0.0 } else { seen as f64 / window as f64 }
        };
        let severity = alert.labels.get("severity").map(|severity| severity.to_ascii_lowercase()).unwrap_or_default();
        Self {
            name: alert.name.clone(),
            pages: PAGES.contains(&severity.as_str()),
            in_peace: fires(&|_| 0.0),
            from: least_share(|share| fires(&|_| share)),
            fires_after: first(PAGE_WITHIN, |lasts| fires(&|window| of_outage(lasts, 0, window))).map(|at| at + held),
            ends_after: first(longest, |ended| !fires(&|window| of_outage(OUTAGE, ended, window))),
            windows,
            unread: prepared.as_ref().err().cloned(),
        }
    }

    /// Returns true if it does not fire without failures.
    pub(super) fn is_silent_in_peace(&self) -> bool {
        !self.in_peace
    }

    fn shown(&self) -> String {
        let windows: Vec<String> = self.windows.iter().map(|window| time(*window)).collect();
        format!("{} ({})", self.name, windows.join(", "))
    }
}

/// The smallest share of failures at which it is so; none when it is not even at all.
fn least_share(is_so: impl Fn(f64) -> bool) -> Option<f64> {
    let (mut low, mut high) = (0.0, 1.0);
    if !is_so(high) {
        return None;
    }
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        if is_so(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// The first number from 0 to a bound at which it is so, if it stays so from there.
fn first(most: u64, is_so: impl Fn(u64) -> bool) -> Option<u64> {
    if !is_so(most) {
        return None;
    }
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_so(middle) { high = middle } else { low = middle + 1 }
    }
    Some(high)
}

/// Judges the alerts of one objective together.
pub(super) fn judge(burns: &[Burn]) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    if let Some((burn, why)) = burns.iter().find_map(|burn| Some((burn, burn.unread.as_ref()?))) {
        return vec![clause::ALERTS.gap(format!("the alert {} was not evaluated: {why}", burn.name))];
    }
    for burn in burns.iter().filter(|burn| burn.from.is_none()) {
        evidence.push(clause::ALERTS.contradicts(format!("{} can never fire, not even when all fails", burn.shown())));
    }
    let (pages, tickets): (Vec<&Burn>, Vec<&Burn>) =
        burns.iter().filter(|burn| burn.from.is_some()).partition(|burn| burn.pages);
    if pages.is_empty() && !burns.is_empty() && evidence.is_empty() {
        evidence.push(clause::ALERTS.contradicts("no alert of the objective pages"));
    }
    evidence.extend(pages.iter().map(|page| of_page(page)));
    let from = |burns: &[&Burn]| burns.iter().filter_map(|burn| burn.from).min_by(f64::total_cmp);
    if let Some(page) = from(&pages) {
        evidence.push(slow_burn(page, from(&tickets)));
    }
    evidence
}

/// Judges a page: of several windows, soon after the outage begins, and gone soon after it ends.
fn of_page(page: &Burn) -> Evidence {
    let shown = page.shown();
    if page.windows.len() < 2 {
        return clause::ALERTS.contradicts(format!("{shown} pages on one window"));
    }
    let Some(fires) = page.fires_after.filter(|fires| *fires <= PAGE_WITHIN) else {
        return clause::ALERTS
            .contradicts(format!("{shown} does not page within {} of a total outage", time(PAGE_WITHIN)));
    };
    let longest = page.windows.last().copied().unwrap_or_default();
    let what = format!("{shown} pages {} after a total outage begins", time(fires));
    match page.ends_after {
        Some(ends) if ends * PART <= longest => {
            clause::ALERTS.holds(format!("{what}, and ends {} after one of {} is repaired", time(ends), time(OUTAGE)))
        }
        Some(ends) => clause::ALERTS.contradicts(format!(
            "{shown} still pages {} after an outage of {} is repaired",
            time(ends),
            time(OUTAGE)
        )),
        None => {
            clause::ALERTS.contradicts(format!("{shown} still pages {} after an outage is repaired", time(longest)))
        }
    }
}

/// Judges what comes of a share of failures that uses up the budget slowly: a ticket below the share that pages.
fn slow_burn(page: f64, ticket: Option<f64>) -> Evidence {
    let percent = |share: f64| format!("{:.3} %", share * 100.0);
    match ticket {
        Some(ticket) if ticket < page => clause::ALERTS.holds(format!(
            "from {} of failures on there is a ticket, from {} on a page",
            percent(ticket),
            percent(page)
        )),
        Some(ticket) => clause::ALERTS.contradicts(format!(
            "a slow burn pages: a ticket comes from {} of failures on, a page from {} on",
            percent(ticket),
            percent(page)
        )),
        None => clause::ALERTS
            .contradicts(format!("below {} of failures nothing is raised: there is no ticket", percent(page))),
    }
}

/// Seconds in words.
fn time(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{:.0}m", seconds as f64 / 60.0),
        7_200..172_800 => format!("{:.0}h", seconds as f64 / 3_600.0),
        _ => format!("{:.0}d", seconds as f64 / 86_400.0),
    }
}
