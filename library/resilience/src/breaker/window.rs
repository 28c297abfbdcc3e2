//! The window of a breaker: the last calls by number, or by time.
//!
//! Recording takes no lock: one slot of a ring, or one bucket of ten. Each slot carries the epoch in which it was written, so
//! that one that a late thread writes after the ring was cleared is not counted.

use crate::invalid::InvalidRules;
use crate::line::OwnLine;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// The most calls of a window.
pub const MAX_CALLS: u32 = 1024;
/// Parts of a window of time: the oldest one leaves as a whole.
const BUCKETS: usize = 10;
/// The longest window of time.
const MAX_TIME: Duration = Duration::from_secs(3600);

/// Window of calls over which rates are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The last calls, 1 to [`MAX_CALLS`].
    Calls(u32),
    /// The calls of so long, up to an hour, in ten parts.
    Time(Duration),
}

impl Window {
    pub(super) fn check(self) -> Result<(), InvalidRules> {
        match self {
            Self::Calls(calls) if !(1..=MAX_CALLS).contains(&calls) => {
                Err(InvalidRules::WindowCalls { calls, most: MAX_CALLS })
            }
            Self::Time(time) if time < Duration::from_millis(10) || time > MAX_TIME => {
                Err(InvalidRules::WindowTime(time))
            }
            _ => Ok(()),
        }
    }
}

/// Counts of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Calls that count.
    pub calls: u32,
    /// Failed calls.
    pub failed: u32,
    /// Slow calls, failed ones included.
    pub slow: u32,
}

const WRITTEN: u8 = 1;
const FAILED: u8 = 2;
const SLOW: u8 = 4;
const EPOCH_SHIFT: u32 = 3;

/// Outcomes of either window; the one that rules ask for is written.
#[derive(Debug)]
pub(super) struct Outcomes {
    ring: Box<[AtomicU8]>,
    next: OwnLine<AtomicU32>,
    buckets: [Bucket; BUCKETS],
    /// True when any failed or slow call was recorded since the last reset.
    bad: AtomicBool,
}

/// Counts with the part of time that they are of: `stamp << 32 | count`.
#[derive(Debug, Default)]
struct Bucket {
    calls: AtomicU64,
    failed: AtomicU64,
    slow: AtomicU64,
}

impl Outcomes {
    /// Empty; 1.5 KiB.
    pub(super) fn new() -> Self {
        Self {
            ring: (0..MAX_CALLS).map(|_| AtomicU8::new(0)).collect(),
            next: OwnLine(AtomicU32::new(0)),
            buckets: Default::default(),
            bad: AtomicBool::new(false),
        }
    }

    pub(super) fn record(&self, window: Window, epoch: u32, failed: bool, slow: bool, at: Duration) {
        if failed || slow {
            self.bad.store(true, Ordering::Relaxed);
        }
        match window {
            Window::Calls(calls) => {
                let index = self.next.fetch_add(1, Ordering::Relaxed) % calls.clamp(1, MAX_CALLS);
                let mut slot = WRITTEN | (epoch as u8) << EPOCH_SHIFT;
                if failed {
                    slot |= FAILED;
                }
                if slow {
                    slot |= SLOW;
                }
                let kept = &self.ring[index as usize];
                // Only read while one call is like the one so many before, so that threads do not fight for the line.
                if kept.load(Ordering::Relaxed) != slot {
                    kept.store(slot, Ordering::Relaxed);
                }
            }
            Window::Time(time) => {
                let part = part_of(time, at);
                let bucket = &self.buckets[part as usize % BUCKETS];
                let stamp = stamp(part, epoch);
                add(&bucket.calls, stamp);
                if failed {
                    add(&bucket.failed, stamp);
                }
                if slow {
                    add(&bucket.slow, stamp);
                }
            }
        }
    }

    pub(super) fn totals(&self, window: Window, epoch: u32, at: Duration) -> Totals {
        let totals = match window {
            Window::Calls(calls) => self.of_ring(calls.clamp(1, MAX_CALLS), epoch),
            Window::Time(time) => self.of_buckets(part_of(time, at), epoch),
        };
        if totals.failed == 0 && totals.slow == 0 && totals.calls > 0 {
            self.bad.store(false, Ordering::Relaxed);
        }
        totals
    }

    /// Returns true when the window may hold failed or slow calls.
    pub(super) fn has_bad(&self) -> bool {
        self.bad.load(Ordering::Relaxed)
    }

    pub(super) fn clear(&self) {
        self.ring.iter().for_each(|slot| slot.store(0, Ordering::Relaxed));
        for bucket in &self.buckets {
            for count in [&bucket.calls, &bucket.failed, &bucket.slow] {
                count.store(0, Ordering::Relaxed);
            }
        }
        self.next.store(0, Ordering::Relaxed);
        self.bad.store(false, Ordering::Relaxed);
    }

    fn of_ring(&self, calls: u32, epoch: u32) -> Totals {
        let mut totals = Totals::default();
        let of_now = WRITTEN | (epoch as u8) << EPOCH_SHIFT;
        for slot in &self.ring[..calls as usize] {
            let slot = slot.load(Ordering::Relaxed);
            if slot & !(FAILED | SLOW) == of_now {
                totals.calls += 1;
                totals.failed += u32::from(slot & FAILED != 0);
                totals.slow += u32::from(slot & SLOW != 0);
            }
        }
        totals
    }

    fn of_buckets(&self, newest: u64, epoch: u32) -> Totals {
        let mut totals = Totals::default();
        for part in newest.saturating_sub(BUCKETS as u64 - 1)..=newest {
            let bucket = &self.buckets[part as usize % BUCKETS];
            let stamp = stamp(part, epoch);
            totals.calls = totals.calls.saturating_add(count(&bucket.calls, stamp));
            totals.failed = totals.failed.saturating_add(count(&bucket.failed, stamp));
            totals.slow = totals.slow.saturating_add(count(&bucket.slow, stamp));
        }
        totals
    }
}

/// Returns the slice of the window to which a moment belongs.
fn part_of(window: Duration, at: Duration) -> u64 {
    let each = (window.as_nanos() / BUCKETS as u128).max(1);
    u64::try_from(at.as_nanos() / each).unwrap_or(u64::MAX)
}

/// Part and epoch in 32 bits; never that of an empty bucket.
fn stamp(part: u64, epoch: u32) -> u64 {
    (part & 0x3ff_ffff) << 5 & 0xffff_ffe0 | u64::from(epoch) & 0x1f | 1 << 31
}

fn add(count: &AtomicU64, stamp: u64) {
    let _ = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| match word >> 32 == stamp {
        true => (word & 0xffff_ffff < 0xffff_ffff).then_some(word + 1),
        false => Some(stamp << 32 | 1),
    });
}

fn count(count: &AtomicU64, stamp: u64) -> u32 {
    let word = count.load(Ordering::Relaxed);
    if word >> 32 == stamp { word as u32 } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    fn sum<'a>(calls: impl Iterator<Item = &'a (bool, bool)>) -> Totals {
        calls.fold(Totals::default(), |totals, (failed, slow)| Totals {
            calls: totals.calls + 1,
            failed: totals.failed + u32::from(*failed),
            slow: totals.slow + u32::from(*slow),
        })
    }

    proptest! {
        #[test]
        fn a_window_of_calls_holds_the_last_ones(
            calls in prop::collection::vec(any::<(bool, bool)>(), 0..300), length in 1_u32..100, epoch in 0_u32..100,
        ) {
            let (outcomes, window) = (Outcomes::new(), Window::Calls(length));
            for (failed, slow) in &calls {
                outcomes.record(window, epoch, *failed, *slow, Duration::ZERO);
            }
            let last = calls.iter().rev().take(length as usize);
            prop_assert_eq!(outcomes.totals(window, epoch, Duration::ZERO), sum(last));
        }

        #[test]
        fn a_window_of_time_holds_the_parts_that_are_not_over(
            calls in prop::collection::vec((0_u64..1500, any::<(bool, bool)>()), 0..100), epoch in 0_u32..100,
        ) {
            let (outcomes, window) = (Outcomes::new(), Window::Time(Duration::from_secs(10)));
            let (mut at, mut reference) = (0, VecDeque::new());
            for (pause, (failed, slow)) in calls {
                at += pause;
                outcomes.record(window, epoch, failed, slow, Duration::from_millis(at));
                reference.push_back((at / 1000, (failed, slow)));
                reference.retain(|(second, _)| second + 10 > at / 1000);
                let expected = sum(reference.iter().map(|(_, call)| call));
                prop_assert_eq!(outcomes.totals(window, epoch, Duration::from_millis(at)), expected);
            }
        }
    }

    #[test]
    fn calls_of_another_epoch_are_not_counted() {
        for window in [Window::Calls(10), Window::Time(Duration::from_secs(10))] {
            let outcomes = Outcomes::new();
            outcomes.record(window, 1, true, true, Duration::ZERO);
            assert_eq!(outcomes.totals(window, 2, Duration::ZERO), Totals::default());
            outcomes.record(window, 2, false, false, Duration::ZERO);
            assert_eq!(outcomes.totals(window, 2, Duration::ZERO), Totals { calls: 1, ..Totals::default() });
        }
    }

    #[test]
    fn nothing_is_left_after_a_clearing() {
        for window in [Window::Calls(10), Window::Time(Duration::from_secs(10))] {
            let outcomes = Outcomes::new();
            outcomes.record(window, 1, true, true, Duration::ZERO);
            outcomes.clear();
            assert_eq!(outcomes.totals(window, 1, Duration::ZERO), Totals::default());
            assert!(!outcomes.has_bad());
        }
    }
}
