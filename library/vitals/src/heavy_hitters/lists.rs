//! The lists of one period, one for each weight.

use super::space_saving::SpaceSaving;

/// One number each of requests, failures, nanoseconds.
pub(super) type Weights = [u64; 3];

/// The lists of one period.
#[derive(Debug)]
pub(super) struct Lists<K> {
    /// One a weight.
    pub(super) by: [SpaceSaving<K>; 3],
    /// The sums of all keys, without those of skipped events.
    pub(super) noted: Weights,
    /// Those of skipped events, once the period is over.
    pub(super) skipped: Weights,
}

impl<K: Copy + Eq> Lists<K> {
    pub(super) fn new() -> Self {
        Self { by: [(); 3].map(|()| SpaceSaving::new()), noted: [0; 3], skipped: [0; 3] }
    }

    pub(super) fn clear(&mut self) {
        self.by.iter_mut().for_each(SpaceSaving::clear);
        (self.noted, self.skipped) = ([0; 3], [0; 3]);
    }
}
