//! Width of a part of a pattern in characters: a look-behind must have one width.

/// The least and the most; `u64::MAX` has no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Width {
    pub(super) least: u64,
    pub(super) most: u64,
}

impl Width {
    pub(super) const ONE: Self = Self { least: 1, most: 1 };

    /// Of one part after the other.
    pub(super) fn then(self, next: Self) -> Self {
        Self { least: self.least.saturating_add(next.least), most: self.most.saturating_add(next.most) }
    }

    /// Of one part or the other.
    pub(super) fn or(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), most: self.most.max(other.most) }
    }

    /// Of a part that is repeated.
    pub(super) fn times(self, least: u64, most: u64) -> Self {
        Self { least: self.least.saturating_mul(least), most: self.most.saturating_mul(most) }
    }

    pub(super) fn is_fixed(self) -> bool {
        self.least == self.most
    }
}
