//! Sharded counter, for many writers and few readers.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::line::OwnLine;

/// Number of threads with a part of their own; later ones share as many more.
const OWN: usize = 8;
const STRIPES: usize = 2 * OWN;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static PART: usize = part_of(THREADS.fetch_add(1, Relaxed));
}

/// The part of the thread of this number, which no other thread has.
const fn part_of(thread: usize) -> usize {
    if thread < OWN { thread } else { OWN + thread % OWN }
}

/// A count in parts, so that threads do not fight for a line; 2 KiB.
#[derive(Debug, Default)]
pub(crate) struct Count {
    stripes: [OwnLine<AtomicU64>; STRIPES],
}

impl Count {
    /// One more.
    pub(crate) fn raise(&self) {
        let part = PART.with(|part| *part);
        let count = &self.stripes[part];
        match part < OWN {
            // Nobody else writes it, so it is raised without a locked operation.
            true => count.store(count.load(Relaxed).wrapping_add(1), Relaxed),
            false => drop(count.fetch_add(1, Relaxed)),
        }
    }

    /// Returns the count; concurrent increments may be included or not.
    pub(crate) fn get(&self) -> u64 {
        self.stripes.iter().map(|stripe| stripe.load(Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_includes_the_increments_of_every_thread() {
        let count = Count::default();
        std::thread::scope(|scope| {
            for _ in 0..2 * STRIPES {
                scope.spawn(|| (0..1000).for_each(|_| count.raise()));
            }
        });
        assert_eq!(count.get(), 2 * STRIPES as u64 * 1000);
    }
}
