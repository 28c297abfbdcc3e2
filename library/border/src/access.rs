//! Access to a route: the declaration of its callers.

/// Callers that a route serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Access {
    /// Everybody.
    Public,
    /// Callers with an identity.
    Closed,
}

impl Access {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Closed => "closed",
        }
    }
}
