//! Criticality of a request: its rank when not all requests can be served.

use std::fmt;

/// The classes, from the one that is refused first to the one that is refused last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Criticality {
    /// Refused first: crawlers, prefetches, batches.
    Sheddable,
    /// Requests that declare no class.
    #[default]
    Default,
    /// Refused last.
    Critical,
}

impl Criticality {
    /// All classes, the least critical first.
    pub const ALL: [Self; 3] = [Self::Sheddable, Self::Default, Self::Critical];

    /// The word for it in `keel.toml` and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sheddable => "sheddable",
            Self::Default => "default",
            Self::Critical => "critical",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

impl fmt::Display for Criticality {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ordered_and_read_by_their_names() {
        assert!(Criticality::Sheddable < Criticality::Default && Criticality::Default < Criticality::Critical);
        for class in Criticality::ALL {
            assert_eq!(Criticality::named(class.name()), Some(class));
        }
        assert_eq!(Criticality::named("urgent"), None);
    }
}
