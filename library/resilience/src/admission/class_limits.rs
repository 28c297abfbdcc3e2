//! Limits of the classes: what a class and those below it may have in flight while requests of higher classes suffer.
//!
//! The order of the queue is not enough. Requests that were admitted share the processors without an order: a transaction of a higher class waits between its
//! statements behind every task that computes, holds the writer meanwhile, and others of its class are refused although they come first. So while requests of
//! higher classes are refused or come late, a class is cut, window by window. Cuts that do not help are in vain (the higher classes ask for more than
//! there is of something that the lower ones do not use): they are undone, and not tried again for some time.

use super::reason::Reason;
use crate::criticality::Criticality;

const CLASSES: usize = Criticality::ALL.len();
/// Seconds and ended requests of higher classes of a window; it ends with fewer requests after a longer time.
const WINDOW: (f64, u32) = (0.1, 10);
const SLOW_WINDOW: f64 = 1.0;
/// Higher classes suffer when more than this share of their requests, and at least so many, are refused or come late.
const SUFFERS: (f64, u32) = (0.02, 2);
/// Share of the limit that a cut keeps.
const KEPT: f64 = 0.6;
/// The least limit. Below one, a request is admitted alone, and the next one after a pause: this long for none at all.
const LEAST: f64 = 0.1;
const PAUSE: f64 = 0.05;
/// Growth of a limit that binds, in a window without suffering: far from the limit at which there was some, and near it.
const GROWTH: (f64, f64) = (1.05, 0.25);
const NEAR_GROWTH: (f64, f64) = (1.01, 0.02);
/// Seconds after which a limit that does not bind is lifted.
const LIFTED: f64 = 1.0;
/// A series of cuts down to the least limit was in vain where more than this share of the suffering is left.
const IN_VAIN: f64 = 0.7;
/// Windows after which it is judged: requests that were admitted before have to end.
const PATIENCE: u32 = 5;
/// Seconds for which cuts are not tried again after they were in vain; twice as many after each further time, up to so many times.
const IMMUNE: f64 = 10.0;
const MOST_VAIN: u32 = 3;
/// Seconds without suffering after which another overload is judged anew.
const CALM: f64 = 1.0;
/// Seconds without any request of higher classes after which a limit lapses: it was there for them.
const LAPSES: f64 = 2.0;

/// The limits of all classes but the highest, which has none.
#[derive(Clone, Debug, Default)]
pub(super) struct ClassLimits {
    /// Requests in flight of each class and of those below it.
    in_flight: [u32; CLASSES],
    limits: [ClassLimit; CLASSES - 1],
}

/// The limit of a class and of those below it, and what happens to the classes above.
#[derive(Clone, Copy, Debug, Default)]
struct ClassLimit {
    /// None: the class has no limit.
    limit: Option<f64>,
    begun: f64,
    /// Requests of higher classes that ended in this window, and those of them that were refused or late.
    ended: u32,
    suffered: u32,
    /// Most requests of these classes in flight in this window.
    most: u32,
    bound: f64,
    /// Moment of the last admission.
    admitted: f64,
    /// The lowest limit at which higher classes suffered lately.
    failed: Option<f64>,
    series: Option<Series>,
    immune_until: f64,
    vain: u32,
    /// Moment at which the last request of higher classes ended.
    seen: f64,
    /// End of the last window in which higher classes suffered.
    suffered_at: f64,
}

/// Cuts in a row.
#[derive(Clone, Copy, Debug)]
struct Series {
    /// In flight before it.
    before: f64,
    /// Sum of the shares of higher classes that suffered, and windows, until the least limit was reached.
    suffered: f64,
    windows: u32,
    /// Windows since the least limit was reached.
    waited: u32,
}

impl ClassLimits {
    /// True when a further request of a class may be in flight.
    pub(super) fn has_room(&self, now: f64, class: Criticality) -> bool {
        self.limits
            .iter()
            .zip(self.in_flight)
            .skip(class as usize)
            .all(|(of_class, in_flight)| of_class.has_room(now, in_flight))
    }

    /// True when requests of lower classes are in flight and may be cut for this one.
    pub(super) fn has_lower(&self, now: f64, class: Criticality) -> bool {
        let lower = self.limits.iter().zip(self.in_flight).take(class as usize);
        lower.into_iter().any(|(of_class, in_flight)| in_flight > 0 && now >= of_class.immune_until)
    }

    /// The limit of a class and of those below it.
    pub(super) fn get(&self, now: f64, class: Criticality) -> Option<f64> {
        self.limits.get(class as usize).and_then(|of_class| of_class.at(now))
    }

    /// A request had to wait because its class has no room.
    pub(super) fn bound(&mut self, now: f64, class: Criticality) {
        for (of_class, in_flight) in self.limits.iter_mut().zip(self.in_flight).skip(class as usize) {
            if !of_class.has_room(now, in_flight) {
                of_class.bound = now;
            }
        }
    }

    pub(super) fn admitted(&mut self, now: f64, class: Criticality) {
        self.in_flight.iter_mut().skip(class as usize).for_each(|in_flight| *in_flight += 1);
        for (of_class, in_flight) in self.limits.iter_mut().zip(self.in_flight).skip(class as usize) {
            of_class.most = of_class.most.max(in_flight);
            of_class.admitted = now;
        }
    }

    /// A request gave its place back.
    pub(super) fn left(&mut self, class: Criticality) {
        self.in_flight.iter_mut().skip(class as usize).for_each(|in_flight| *in_flight -= 1);
    }

    /// A request was refused. Clients that ask for far more than their share suffer by themselves.
    pub(super) fn refused(&mut self, now: f64, class: Criticality, reason: Reason) {
        if reason != Reason::Share {
            self.ended(now, class, true);
        }
    }

    /// A request was answered in time, or it `suffered`.
    pub(super) fn ended(&mut self, now: f64, class: Criticality, suffered: bool) {
        for (lower, of_class) in self.limits.iter_mut().enumerate().take(class as usize) {
            of_class.lapse(now);
            of_class.seen = now;
            of_class.ended += 1;
            of_class.suffered += u32::from(suffered);
            let age = now - of_class.begun;
            if age >= SLOW_WINDOW || (age >= WINDOW.0 && of_class.ended >= WINDOW.1) {
                of_class.judge(now, self.in_flight[lower]);
            }
        }
    }
}

impl ClassLimit {
    /// The limit, unless it has lapsed.
    fn at(&self, now: f64) -> Option<f64> {
        self.limit.filter(|_| now - self.seen <= LAPSES)
    }

    /// Forgets a limit that has lapsed.
    fn lapse(&mut self, now: f64) {
        if self.limit.is_some() && self.at(now).is_none() {
            (self.limit, self.failed, self.series) = (None, None, None);
        }
    }

    fn has_room(&self, now: f64, in_flight: u32) -> bool {
        self.at(now).is_none_or(|limit| {
            let pause = PAUSE * (1.0 - limit).max(0.0);
            f64::from(in_flight) + 1.0 <= limit.max(1.0) && now - self.admitted >= pause
        })
    }

    fn judge(&mut self, now: f64, in_flight: u32) {
        let (share, least) = SUFFERS;
        let suffered = f64::from(self.suffered) / f64::from(self.ended.max(1));
        let suffers = self.suffered >= least && suffered > share;
        let most = f64::from(self.most.max(in_flight));
        (self.begun, self.ended, self.suffered, self.most) = (now, 0, 0, in_flight);
        if !suffers {
            if now - self.suffered_at > CALM {
                (self.immune_until, self.vain) = (0.0, 0);
            }
            self.series = None;
            self.limit = self.limit.filter(|_| now - self.bound < LIFTED).map(|limit| {
                let is_near = self.failed.is_some_and(|failed| limit >= KEPT * failed);
                let (times, more) = if is_near { NEAR_GROWTH } else { GROWTH };
                limit * times + more
            });
            if self.limit.is_none() || self.limit > self.failed {
                self.failed = None;
            }
            return;
        }
        self.suffered_at = now;
        if most < 1.0 && now - self.bound >= LIFTED {
            // There are none of them that could be to blame.
            (self.limit, self.failed, self.series) = (None, None, None);
            return;
        }
        if now < self.immune_until {
            return;
        }
        let series = self.series.get_or_insert(Series { before: most, suffered: 0.0, windows: 0, waited: 0 });
        if series.waited == 0 {
            series.suffered += suffered;
            series.windows += 1;
        }
        let limit = self.limit.map_or(most, |limit| limit.min(most.max(1.0)));
        if series.waited == 0 && limit >= series.before {
            self.failed = self.limit;
        }
        if limit <= LEAST {
            series.waited += 1;
            if series.waited >= PATIENCE {
                if suffered * f64::from(series.windows) > IN_VAIN * series.suffered {
                    (self.limit, self.failed, self.series) = (None, None, None);
                    self.immune_until = now + IMMUNE * f64::from(1_u32 << self.vain);
                    self.vain = (self.vain + 1).min(MOST_VAIN);
                    return;
                }
                self.series = None;
                self.vain = 0;
            }
        }
        self.limit = Some((KEPT * limit).max(LEAST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends a hundred requests a second of the default class for so many seconds beside `in_flight` that can be shed, of which each place is taken again at once;
    /// the share that suffers depends on how many those are. Returns their number at the end.
    fn pass(limits: &mut ClassLimits, from: f64, seconds: f64, suffers: impl Fn(u32) -> bool) -> (f64, u32) {
        let mut now = from;
        while now < from + seconds {
            now += 0.01;
            while limits.has_room(now, Criticality::Sheddable) && limits.in_flight[0] < 100 {
                limits.admitted(now, Criticality::Sheddable);
            }
            limits.bound(now, Criticality::Sheddable);
            while !limits.has_room(now, Criticality::Sheddable)
                && f64::from(limits.in_flight[0]) > limits.get(now, Criticality::Sheddable).unwrap()
            {
                limits.left(Criticality::Sheddable);
            }
            limits.ended(now, Criticality::Default, suffers(limits.in_flight[0]));
        }
        (now, limits.in_flight[0])
    }

    #[test]
    fn a_class_is_cut_while_a_higher_one_suffers_and_grows_again_after_it() {
        let mut limits = ClassLimits::default();
        let (now, left) = pass(&mut limits, 0.0, 4.0, |lower| lower > 20);
        assert!((8..=21).contains(&left), "{left}");
        let (now, left) = pass(&mut limits, now, 8.0, |_| false);
        assert!(left > 60, "{left}");
        // It does not bind any more.
        for number in 1..200 {
            limits.ended(now + f64::from(number) * 0.01, Criticality::Default, false);
        }
        assert_eq!(limits.get(now + 2.0, Criticality::Sheddable), None);
    }

    #[test]
    fn cuts_that_do_not_help_are_undone_and_not_tried_again_at_once() {
        let mut limits = ClassLimits::default();
        let (now, _) = pass(&mut limits, 0.0, 3.0, |_| true);
        assert_eq!(limits.get(now, Criticality::Sheddable), None, "in vain");
        let (now, left) = pass(&mut limits, now, 1.0, |_| true);
        assert_eq!(left, 100);
        // After a calm time it is another overload.
        let (now, _) = pass(&mut limits, now, 2.0, |_| false);
        let (_, left) = pass(&mut limits, now, 3.0, |lower| lower > 20);
        assert!(left <= 21, "{left}");
    }

    #[test]
    fn a_class_of_which_none_are_there_is_not_judged() {
        let mut limits = ClassLimits::default();
        let (now, left) = pass(&mut limits, 0.0, 4.0, |lower| lower > 20);
        (0..left).for_each(|_| limits.left(Criticality::Sheddable));
        // Something else is too much for the higher class.
        for number in 1..400 {
            limits.ended(now + f64::from(number) * 0.01, Criticality::Default, true);
        }
        let (_, left) = pass(&mut limits, now + 5.0, 4.0, |lower| lower > 20);
        assert!(left <= 21, "it is cut as before: {left}");
    }

    #[test]
    fn a_class_is_not_limited_for_higher_ones_that_are_gone() {
        let mut limits = ClassLimits::default();
        let (now, left) = pass(&mut limits, 0.0, 1.0, |_| true);
        (0..left).for_each(|_| limits.left(Criticality::Sheddable));
        limits.admitted(now, Criticality::Sheddable);
        assert!(!limits.has_room(now, Criticality::Sheddable));
        let later = now + LAPSES + 0.1;
        assert!(limits.has_room(later, Criticality::Sheddable) && limits.get(later, Criticality::Sheddable).is_none());
    }

    #[test]
    fn the_highest_class_and_one_beside_which_none_suffers_have_no_limit() {
        let mut limits = ClassLimits::default();
        pass(&mut limits, 0.0, 3.0, |_| false);
        assert_eq!(limits.get(3.0, Criticality::Sheddable), None);
        for number in 0..500 {
            limits.refused(f64::from(number) * 0.01, Criticality::Sheddable, Reason::Full);
            limits.ended(f64::from(number) * 0.01, Criticality::Critical, false);
        }
        assert!(Criticality::ALL.iter().all(|class| limits.get(5.0, *class).is_none()));
    }
}
