//! Pairs of windows, and the burn rates above which they alert.

use std::time::Duration;

/// The period of an objective, for which the windows of [`PAIRS`] are meant. Other periods scale them.
pub const PERIOD: Duration = Duration::from_secs(30 * 24 * 3600);

/// Urgency of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Action in the next days.
    Ticket,
    /// Action at once.
    Page,
}

/// Two windows that alert together: the long one says that it matters, the short one that it still goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Urgency.
    pub severity: Severity,
    /// The long window.
    pub long: Duration,
    /// The short window, a twelfth of the long one.
    pub short: Duration,
    /// The burn rate above which both alert: the share of the budget that may go in the long window, times period by window.
    pub factor: f64,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The pairs of the Site Reliability Workbook: 2 % of the budget in 1 h, 5 % in 6 h, 10 % in 1 d, 10 % in 3 d.
pub const PAIRS: [Pair; 4] = [
    Pair::of(Severity::Page, HOUR, 5 * MINUTE, 14.4),
    Pair::of(Severity::Page, 6 * HOUR, 30 * MINUTE, 6.0),
    Pair::of(Severity::Ticket, DAY, 2 * HOUR, 3.0),
    Pair::of(Severity::Ticket, 3 * DAY, 6 * HOUR, 1.0),
];

impl Pair {
    const fn of(severity: Severity, long: u64, short: u64, factor: f64) -> Self {
        Self { severity, long: Duration::from_secs(long), short: Duration::from_secs(short), factor }
    }

    /// Returns true when the burn rate can rise above the factor: it is at most 1 divided by the budget, where everything fails.
    pub fn is_possible(&self, budget: f64) -> bool {
        self.factor * budget < 1.0
    }
}

impl Severity {
    /// The value of the label `severity`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Page => "page",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_factor_is_its_share_of_the_budget_times_period_by_window() {
        for (pair, share) in PAIRS.iter().zip([0.02, 0.05, 0.1, 0.1]) {
            let factor = share * PERIOD.as_secs_f64() / pair.long.as_secs_f64();
            assert!((pair.factor - factor).abs() < 1e-9, "{pair:?}: {factor}");
            assert_eq!(pair.long, pair.short * 12);
        }
    }

    #[test]
    fn a_factor_is_impossible_where_a_total_outage_burns_no_faster() {
        let possible = |target: f64| PAIRS.map(|pair| pair.is_possible(1.0 - target));
        assert_eq!(possible(0.9995), [true; 4]);
        assert_eq!(possible(0.93), [false, true, true, true]);
        assert_eq!(possible(0.80), [false, false, true, true]);
    }
}
