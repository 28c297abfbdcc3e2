//! Criticality: the order in which work is shed when not all can be done.

use std::fmt;
use std::str::FromStr;

tokio::task_local! {
    static CURRENT: Criticality;
}

/// Criticality of work, for load shedding. Set at the edge or by the code that begins the work; it propagates with the task and its calls.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use evenkeel_resilience::Criticality;
///
/// let seen = Criticality::Sheddable.scope(async { Criticality::current() }).await;
/// assert_eq!((seen, Criticality::current()), (Criticality::Sheddable, Criticality::Default));
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Criticality {
    /// Can be left out without harm, or is done again later: prefetching, crawlers, work in the background.
    Sheddable,
    /// A caller waits for it.
    #[default]
    Default,
    /// The last to be left out.
    Critical,
}

impl Criticality {
    /// All levels, from the least important on.
    pub const ALL: [Self; 3] = [Self::Sheddable, Self::Default, Self::Critical];

    /// Returns the criticality of the current task, or [`Criticality::Default`] when none was set.
    pub fn current() -> Self {
        Self::explicit().unwrap_or_default()
    }

    /// Returns the criticality of the current task, if one was set.
    pub fn explicit() -> Option<Self> {
        CURRENT.try_with(|criticality| *criticality).ok()
    }

    /// Runs work with this as [`Criticality::current`]; its calls carry it. Cancel-safe if `work` is.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }

    /// Its name, as headers and people have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sheddable => "sheddable",
            Self::Default => "default",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Criticality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no criticality.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no criticality: expected critical, default or sheddable")]
pub struct NoSuchCriticality(String);

impl FromStr for Criticality {
    type Err = NoSuchCriticality;

    fn from_str(text: &str) -> Result<Self, NoSuchCriticality> {
        let known = Self::ALL.into_iter().find(|criticality| criticality.name() == text);
        known.ok_or_else(|| NoSuchCriticality(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_are_refused() {
        assert!(Criticality::ALL.is_sorted());
        for criticality in Criticality::ALL {
            assert_eq!(criticality.to_string().parse(), Ok(criticality));
        }
        assert!(
            "Critical"
                .parse::<Criticality>()
                .unwrap_err()
                .to_string()
                .contains("expected critical, default or sheddable")
        );
    }
}
