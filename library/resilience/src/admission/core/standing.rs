//! The standing queue: one that was not empty for some time, so that a wait in it is in vain.
//!
//! A class that is served before others has a queue of its own in this sense: while lower classes keep all places taken, each of its requests waits for the
//! next free place, but its queue becomes empty again and again. It is standing when that no longer happens.

use crate::criticality::Criticality;

const CLASSES: usize = Criticality::ALL.len();

/// Times at which the queue was empty: all of it, and what is queued of each class and of those above it.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    all: Level,
    from: [Level; CLASSES],
    /// Last moment at which a request of the class was queued.
    queued: [f64; CLASSES],
}

/// The part of the queue from one class on.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// Moment since which it is not empty, short breaks aside.
    since: Option<f64>,
    /// End of the last such time.
    emptied: f64,
}

impl Level {
    const NEW: Self = Self { since: None, emptied: 0.0 };

    fn queued(&mut self, now: f64, is_first: bool, longest_break: f64) {
        if self.since.is_none() || (is_first && now - self.emptied > longest_break) {
            self.since = Some(now);
        }
    }

    /// True when it was not empty for this time.
    fn is_standing(&self, now: f64, after: f64) -> bool {
        self.since.is_some_and(|since| now - since > after)
    }
}

impl Standing {
    pub(super) const fn new() -> Self {
        Self { all: Level::NEW, from: [Level::NEW; CLASSES], queued: [f64::NEG_INFINITY; CLASSES] }
    }

    /// A request of this class was queued. `len`: requests queued from each class on, this one included. The whole queue can be empty for `longest_break`
    /// without an end of its standing.
    pub(super) fn queued(&mut self, now: f64, class: Criticality, len: [u32; CLASSES], longest_break: f64) {
        self.queued[class as usize] = now;
        self.all.queued(now, len[0] == 1, longest_break);
        for (level, len) in self.from.iter_mut().zip(len).take(class as usize + 1) {
            level.queued(now, len == 1, 0.0);
        }
    }

    /// A request left the queue.
    pub(super) fn left(&mut self, now: f64, len: [u32; CLASSES]) {
        if len[0] == 0 {
            self.all.emptied = now;
        }
        for (level, len) in self.from.iter_mut().zip(len) {
            if len == 0 && level.since.take().is_some() {
                level.emptied = now;
            }
        }
    }

    /// True when the queue was not empty for this time, breaks aside; an empty one after the longest break is not standing.
    pub(super) fn is_standing(&self, now: f64, after: f64, is_empty: bool, longest_break: f64) -> bool {
        self.all.is_standing(now, after) && !(is_empty && now - self.all.emptied > longest_break)
    }

    /// True when requests of this class are served before others that were queued within this time, and not all of that time requests of it waited.
    pub(super) fn is_served_first(&self, now: f64, class: Criticality, after: f64) -> bool {
        self.queued[..class as usize].iter().any(|lower| now - lower <= after)
            && !self.from[class as usize].is_standing(now, after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: f64 = 1.0;
    const BREAK: f64 = 0.05;

    /// Queues a request of each of these classes each 10 ms, and takes the highest ones out so that at most so many are left; returns the end.
    fn pass(standing: &mut Standing, classes: &[Criticality], left_of_highest: u32, seconds: f64) -> f64 {
        let highest = classes.iter().max().copied().unwrap_or_default();
        let lower = u32::from(classes.iter().any(|class| *class < highest));
        let len = |of_highest: u32| {
            std::array::from_fn(
                |level| if level <= highest as usize { of_highest } else { 0 } + if level == 0 { lower } else { 0 },
            )
        };
        let mut now = 10.0;
        while now < 10.0 + seconds {
            now += 0.01;
            for class in classes {
                standing.queued(now, *class, len(left_of_highest + 1), BREAK);
            }
            standing.left(now + 0.005, len(left_of_highest));
        }
        now
    }

    #[test]
    fn a_class_whose_queue_empties_again_and_again_is_served_first_while_lower_ones_stand() {
        let mut standing = Standing::new();
        let now = pass(&mut standing, &[Criticality::Default, Criticality::Sheddable], 0, 3.0);
        assert!(standing.is_standing(now, AFTER, false, BREAK), "the lower class stands");
        assert!(standing.is_served_first(now, Criticality::Default, AFTER));
        assert!(!standing.is_served_first(now, Criticality::Sheddable, AFTER));
    }

    #[test]
    fn a_class_that_always_waits_stands_too() {
        let mut standing = Standing::new();
        let now = pass(&mut standing, &[Criticality::Default, Criticality::Sheddable], 1, 3.0);
        assert!(!standing.is_served_first(now, Criticality::Default, AFTER));
    }

    #[test]
    fn a_class_is_not_served_first_where_there_is_no_lower_one() {
        let mut standing = Standing::new();
        let now = pass(&mut standing, &[Criticality::Default], 0, 3.0);
        assert!(standing.is_standing(now, AFTER, false, BREAK), "breaks of 10 ms are no end");
        assert!(!standing.is_served_first(now, Criticality::Default, AFTER));
        let after = now + 2.0 * BREAK;
        assert!(!standing.is_standing(after, AFTER, true, BREAK));
    }
}
