//! Locks and atomics of std. The models (`library/resilience/models`) compile these modules with a model checker's in their place.

pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
}
