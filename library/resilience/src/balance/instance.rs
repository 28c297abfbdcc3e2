//! An instance of a dependency.

use std::sync::Arc;

/// The greatest weight of an instance.
pub const MAX_WEIGHT: u32 = 1000;

/// Something that can be called: where it is, how much it can take, and in which zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance<T> {
    /// Name or address; instances with the same one are the same instance.
    pub address: T,
    /// Its part of the calls beside the others', 1 to [`MAX_WEIGHT`].
    pub weight: u32,
    /// Availability zone.
    pub zone: Option<Arc<str>>,
}

impl<T> Instance<T> {
    /// Creates an instance of weight 1, in no zone.
    pub const fn new(address: T) -> Self {
        Self { address, weight: 1, zone: None }
    }

    /// Sets the weight.
    #[must_use]
    pub fn weighing(self, weight: u32) -> Self {
        Self { weight, ..self }
    }

    /// Sets the zone.
    #[must_use]
    pub fn within(self, zone: impl Into<Arc<str>>) -> Self {
        Self { zone: Some(zone.into()), ..self }
    }
}
