//! The guards of `resilience`, compiled from their own sources with [shuttle](https://docs.rs/shuttle)'s locks and atomics in the place of
//! std's: each access is a point at which the checker may let another thread go on. The tests of this crate are the models.
//!
//! A crate of its own, and not a feature of `resilience`: a feature that one member of a workspace turns on is on for all of
//! them, and a guard whose locks need a checker to run is of no use to anybody else.

#![allow(dead_code, unused_imports, reason = "only what is modelled is used")]
#![allow(unreachable_pub, missing_docs, reason = "documented where they are")]

#[path = "../../src"]
mod rooms {
    pub mod backoff;
    pub mod breaker;
    pub mod budget;
    pub mod bulkhead;
    pub mod coalesce;
    pub mod invalid;
    pub mod line;
    pub mod nanos;
    pub mod outcome;
    pub mod rate_limit;
    pub mod setters;
}

pub use rooms::{backoff, breaker, budget, bulkhead, coalesce, invalid, line, nanos, outcome, rate_limit, setters};

/// Stand-in for the parts of std that `resilience` uses.
mod sync {
    pub(crate) use std::sync::{Arc, PoisonError};

    pub(crate) use shuttle::sync::{Mutex, MutexGuard};

    pub(crate) mod atomic {
        pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
    }
}
