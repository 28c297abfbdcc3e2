//! The events of an examination, told while it runs.

use std::time::Duration;

use crate::finding::Finding;
use crate::first_try::FirstTry;

/// Something that happened in an examination that is under way.
#[derive(Clone, Copy, Debug)]
pub enum Event<'e> {
    /// The service was started, and the declared requests were sent once.
    Tried(&'e FirstTry),
    /// A probe begins.
    Begins {
        /// Its number, from 1.
        number: usize,
        /// The number of probes.
        count: usize,
        /// Its attribute.
        id: &'e str,
    },
    /// A probe has ended. Decisions are applied; contradictions between findings are only known at the end.
    Found {
        /// Its number, from 1.
        number: usize,
        /// The number of probes.
        count: usize,
        /// The finding.
        finding: &'e Finding,
        /// The duration of the probe.
        took: Duration,
    },
}
