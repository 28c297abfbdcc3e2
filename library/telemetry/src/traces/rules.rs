//! The rules of a tracer.

use std::time::Duration;

use crate::traces::sampler::Sampler;

/// The rules of a tracer.
#[derive(Clone, Copy, Debug)]
pub struct TraceRules {
    /// The decision at the head of a request.
    pub sampler: Sampler,
    /// Duration above which a request is exported in any case.
    pub slow: Duration,
}
