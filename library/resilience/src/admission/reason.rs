//! Reasons of refusals.

/// Reason why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The request is so old, or its route so slow, that its answer would come after the objective.
    #[error("the answer would come after the objective of the route")]
    Hopeless,
    /// The route is at its own limit, and its share of the queue is full.
    #[error("the route is at its concurrency limit")]
    Route,
    /// The queue is full, and this request was the least important one, or of the client with the most requests in it.
    #[error("the queue is full")]
    Full,
    /// The request waited in the queue for the longest time allowed.
    #[error("no place became free in time")]
    Waited,
    /// The processors are overloaded, and the client asks for more than its share of the requests that can be read.
    #[error("the client asks for more than its share")]
    Share,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 5] = [Self::Hopeless, Self::Route, Self::Full, Self::Waited, Self::Share];

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hopeless => "hopeless",
            Self::Route => "route",
            Self::Full => "full",
            Self::Waited => "waited",
            Self::Share => "share",
        }
    }

    pub(super) const fn index(self) -> usize {
        match self {
            Self::Hopeless => 0,
            Self::Route => 1,
            Self::Full => 2,
            Self::Waited => 3,
            Self::Share => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_a_reason_is_its_position_in_the_list() {
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), index, "{}", reason.name());
        }
    }
}
