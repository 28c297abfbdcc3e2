//! Sizes of the recent answers by path, from which the size of an answer is expected before its handler has run.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// The most paths that are told apart. Paths that share a slot have the larger size.
const SLOTS: usize = 256;

/// Sizes of answers by path, in bytes.
#[derive(Debug)]
pub(crate) struct AnswerSizes {
    /// The key of its hash is secret, so that no client can choose two paths that share a slot.
    hasher: RandomState,
    /// Sizes plus one; zero: unknown.
    slots: Box<[AtomicU64; SLOTS]>,
}

/// Slot of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slot(u8);

impl Default for AnswerSizes {
    fn default() -> Self {
        Self { hasher: RandomState::new(), slots: Box::new([const { AtomicU64::new(0) }; SLOTS]) }
    }
}

impl AnswerSizes {
    pub(crate) fn slot(&self, path: &str) -> Slot {
        // Any eight bits of the hash.
        Slot(self.hasher.hash_one(path) as u8)
    }

    /// Returns the size that the next answer is expected to have; none before the first one.
    pub(crate) fn expected(&self, slot: Slot) -> Option<u64> {
        self.slots[usize::from(slot.0)].load(Ordering::Relaxed).checked_sub(1)
    }

    /// Notes the size of an answer. A larger one counts at once, and smaller ones a quarter each.
    pub(crate) fn note(&self, slot: Slot, bytes: u64) {
        let before = self.expected(slot);
        let after = match before {
            Some(before) if before > bytes => before - (before - bytes).div_ceil(4),
            _ => bytes,
        };
        // Where two answers end at once, one of them may not count.
        if before != Some(after) {
            self.slots[usize::from(slot.0)].store(after.saturating_add(1), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_answer_counts_at_once_and_is_forgotten_by_small_ones() {
        let sizes = AnswerSizes::default();
        let slot = sizes.slot("/large");
        assert_eq!(sizes.expected(slot), None);
        sizes.note(slot, 1000);
        assert_eq!(sizes.expected(slot), Some(1000));
        for _ in 0..40 {
            sizes.note(slot, 10);
        }
        assert_eq!(sizes.expected(slot), Some(10));
    }
}
