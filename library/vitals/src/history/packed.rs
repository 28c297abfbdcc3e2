//! Snapshots of histograms as bytes: a tenth of their size as numbers.
//!
//! The number of used buckets, the sum in nanoseconds, then for each bucket its distance from the one before and its count; all as LEB128.

use crate::HistogramSnapshot;

/// Appends a snapshot without its exemplars.
pub(super) fn pack(snapshot: &HistogramSnapshot, out: &mut Vec<u8>) {
    push(out, snapshot.buckets().count() as u64);
    push(out, snapshot.nanos());
    let mut before = 0;
    for (index, count) in snapshot.buckets() {
        push(out, (index - before) as u64);
        push(out, count);
        before = index;
    }
}

/// Takes the first snapshot out of the bytes; an empty one where there is none.
pub(super) fn unpack(bytes: &mut &[u8]) -> HistogramSnapshot {
    let (used, nanos) = (take(bytes), take(bytes));
    let mut index = 0;
    let mut bucket = || {
        index += take(bytes);
        (index as u16, take(bytes))
    };
    HistogramSnapshot::new((0..used).map(|_| bucket()).collect(), nanos, Vec::new())
}

fn push(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let Some((first, rest)) = bytes.split_first() else { break };
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            break;
        }
    }
    number
}

/// The last changes of a histogram, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Changes<const MOST: usize> {
    bytes: Vec<u8>,
    count: usize,
}

impl<const MOST: usize> Changes<MOST> {
    /// Adds a change, in the place of the oldest when there are `MOST`.
    pub(super) fn push(&mut self, change: &HistogramSnapshot) {
        if self.count == MOST {
            let mut rest = &self.bytes[..];
            unpack(&mut rest);
            let oldest = self.bytes.len() - rest.len();
            self.bytes.drain(..oldest);
            self.count -= 1;
        }
        pack(change, &mut self.bytes);
        self.count += 1;
    }

    /// Adds the newest changes, at most so many, to a window.
    pub(super) fn add_newest(&self, most: usize, window: &mut HistogramSnapshot) {
        let mut rest = &self.bytes[..];
        let older = self.count.saturating_sub(most);
        for number in 0..self.count {
            let change = unpack(&mut rest);
            if number >= older {
                window.add(&change);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::Histogram;

    fn of(nanos: &[u64]) -> HistogramSnapshot {
        let histogram = Histogram::new();
        nanos.iter().for_each(|nanos| histogram.record(Duration::from_nanos(*nanos)));
        histogram.snapshot()
    }

    proptest! {
        #[test]
        fn packed_snapshots_round_trip_one_after_the_other(
            first in prop::collection::vec(0..u64::MAX / 64, 0..50),
            second in prop::collection::vec(0..100_000_000_000u64, 0..50),
        ) {
            let (first, second) = (of(&first), of(&second));
            let mut bytes = Vec::new();
            pack(&first, &mut bytes);
            pack(&second, &mut bytes);
            let mut rest = &bytes[..];
            prop_assert_eq!(unpack(&mut rest), first);
            prop_assert_eq!(unpack(&mut rest), second);
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn the_newest_changes_add_up(
            changes in prop::collection::vec(prop::collection::vec(0..100_000_000_000u64, 0..4), 0..12),
            most in 0..8usize,
        ) {
            let mut kept = Changes::<6>::default();
            changes.iter().for_each(|change| kept.push(&of(change)));
            let newest: Vec<u64> = changes.iter().rev().take(most.min(6)).flatten().copied().collect();
            let mut window = HistogramSnapshot::default();
            kept.add_newest(most, &mut window);
            prop_assert_eq!(window, of(&newest));
        }
    }

    #[test]
    fn an_empty_change_takes_two_bytes() {
        let mut kept = Changes::<6>::default();
        (0..100).for_each(|_| kept.push(&HistogramSnapshot::default()));
        assert_eq!(kept.bytes.len(), 12);
    }
}
