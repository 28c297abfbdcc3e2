//! The last points of a number, in little memory while they are zero.

use std::collections::VecDeque;

/// The last points of a number, at most `MOST`. The oldest ones take no memory while they are zero: most counters of a service never rise.
#[derive(Debug, Default)]
pub(super) struct Ring<const MOST: usize> {
    /// The points, the oldest first, without the zeros before the first other one.
    points: VecDeque<f32>,
    /// The number of points, those zeros included.
    count: usize,
}

impl<const MOST: usize> Ring<MOST> {
    /// Adds a point, in the place of the oldest when there are `MOST`.
    pub(super) fn push(&mut self, point: f32) {
        if self.points.len() == MOST {
            self.points.pop_front();
        }
        self.count = MOST.min(self.count + 1);
        if self.points.len() == self.points.capacity() {
            // Doubled, but never over the bound.
            self.points.reserve_exact(self.points.len().clamp(4, MOST).min(MOST - self.points.len()));
        }
        self.points.push_back(point);
        while self.points.front() == Some(&0.0) {
            self.points.pop_front();
        }
        if self.points.is_empty() {
            self.points = VecDeque::new();
        }
    }

    /// The points, the newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = f32> {
        self.points.iter().rev().copied().chain(std::iter::repeat(0.0)).take(self.count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn zeros_take_no_memory_and_are_there() {
        let mut ring = Ring::<60>::default();
        (0..100).for_each(|_| ring.push(0.0));
        assert_eq!((ring.points.capacity(), ring.newest().collect::<Vec<_>>()), (0, vec![0.0; 60]));
    }

    #[test]
    fn a_full_ring_has_no_room_for_more() {
        let mut ring = Ring::<60>::default();
        (0..200).for_each(|_| ring.push(1.0));
        assert_eq!((ring.points.len(), ring.points.capacity()), (60, 60));
    }

    proptest! {
        #[test]
        fn a_ring_keeps_its_last_points_in_their_order(points in prop::collection::vec(0..3u8, 0..40)) {
            let mut ring = Ring::<8>::default();
            let points: Vec<f32> = points.into_iter().map(f32::from).collect();
            points.iter().for_each(|point| ring.push(*point));
            let expected: Vec<f32> = points.iter().rev().take(8).copied().collect();
            prop_assert_eq!(ring.newest().collect::<Vec<_>>(), expected);
        }
    }
}
