//! Trace contexts of requests that keel sends.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use keel_drill::trace_headers::TraceParent;

/// A context that no request had before.
pub(super) fn fresh(flags: u8) -> TraceParent {
    // Each state hashes with keys of its own.
    let random = || RandomState::new().build_hasher().finish() | 1;
    let trace = format!("{:016x}{:016x}", random(), random());
    TraceParent { trace, span: format!("{:016x}", random()), flags }
}
