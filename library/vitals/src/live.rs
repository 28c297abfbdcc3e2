//! Atomically replaced value: readers keep a snapshot.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

/// A value that is replaced whole while others read it: rules, settings. Reading takes no lock and writes to no shared line.
#[derive(Debug, Default)]
pub struct Live<T> {
    current: ArcSwap<T>,
}

/// A snapshot of the value; later replacements do not change it.
pub struct Reading<T> {
    value: Guard<Arc<T>>,
}

impl<T> Live<T> {
    /// Creates it with a first value.
    pub fn new(value: T) -> Self {
        Self { current: ArcSwap::from_pointee(value) }
    }

    /// The value now. Meant to be held for a call, not for ever: few readings at a time of a thread cost nothing, further ones
    /// an atomic count each.
    pub fn read(&self) -> Reading<T> {
        Reading { value: self.current.load() }
    }

    /// The value now, to be kept.
    pub fn get(&self) -> Arc<T> {
        self.current.load_full()
    }

    /// Replaces the value; earlier readings keep theirs.
    pub fn replace(&self, value: T) -> Arc<T> {
        self.current.swap(Arc::new(value))
    }
}

impl<T> Deref for Reading<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Reading<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        T::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_unchanged_when_the_value_is_replaced() {
        let live = Live::new(1);
        let before = live.read();
        assert_eq!(*live.replace(2), 1);
        assert_eq!((*before, *live.read()), (1, 2));
    }
}
