//! The samples of the one steady load of a run, which several probes judge.

use std::time::Duration;

/// Kinds of amounts in a sample.
pub(crate) const KINDS: usize = 5;

/// The seconds since the beginning, and an amount of each kind.
pub(crate) type Sample = (f64, [u64; KINDS]);

/// A steady load that was answered to its end, and what the service used meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Soak {
    /// The duration.
    pub(crate) lasts: Duration,
    /// Its numbers in words.
    pub(crate) told: String,
    /// True if writes were sent.
    pub(crate) writing: bool,
    /// In the order in which they were taken.
    pub(crate) samples: Vec<Sample>,
}
