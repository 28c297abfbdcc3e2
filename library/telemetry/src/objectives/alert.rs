//! The decision whether an objective alerts.

use std::time::Duration;

use crate::objectives::declaration::Slo;
use crate::objectives::ladder::{Counts, Ladder};
use crate::objectives::pairs::{Pair, Severity};

/// The words of an alert's state.
pub(crate) const WORDS: [&str; 3] = ["none", "ticket", "page"];

/// The state of an objective.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alert {
    /// Its budget lasts.
    #[default]
    None,
    /// Its budget goes too fast: action in the next days.
    Ticket,
    /// Its budget goes much too fast: action now.
    Page,
}

impl Alert {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        WORDS[self as usize]
    }

    /// The alert of these counts, and the pair that raised it.
    pub(crate) fn of(slo: &Slo, ladder: &Ladder) -> (Self, Option<Pair>) {
        let burns = |window: Duration, factor: f64| burn(slo, ladder.window(window)) > factor;
        let raised = slo.pairs().find(|pair| {
            slo.has_alerts
                && burns(pair.long, pair.factor)
                && burns(pair.short, pair.factor)
                && ladder.window(pair.long).bad >= u64::from(slo.min_bad(pair.severity))
        });
        let alert = match raised {
            Some(Pair { severity: Severity::Page, .. }) => Self::Page,
            Some(Pair { severity: Severity::Ticket, .. }) => Self::Ticket,
            None => Self::None,
        };
        (alert, raised)
    }
}

/// The burn rate: the share of bad answers by the share that the objective allows.
pub(crate) fn burn(slo: &Slo, counts: Counts) -> f64 {
    counts.share() / slo.budget()
}
