//! A count that many threads raise and hardly anybody reads.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::line::OwnLine;

/// Threads beyond so many share.
const STRIPES: usize = 8;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OWN: usize = THREADS.fetch_add(1, Relaxed) % STRIPES;
}

/// A count in parts, one for each of a few threads, so that they do not fight for a line; 1 KiB.
#[derive(Debug, Default)]
pub(crate) struct Count {
    stripes: [OwnLine<AtomicU64>; STRIPES],
}

impl Count {
    /// One more.
    pub(crate) fn raise(&self) {
        self.stripes[OWN.with(|own| *own)].fetch_add(1, Relaxed);
    }

    /// How many; what is raised meanwhile may be in it or not.
    pub(crate) fn get(&self) -> u64 {
        self.stripes.iter().map(|stripe| stripe.load(Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_thread_raised_is_in_the_sum() {
        let count = Count::default();
        std::thread::scope(|scope| {
            for _ in 0..STRIPES + 1 {
                scope.spawn(|| (0..1000).for_each(|_| count.raise()));
            }
        });
        assert_eq!(count.get(), (STRIPES as u64 + 1) * 1000);
    }
}
