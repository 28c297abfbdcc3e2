//! Judgement of the share that some requests keep while others are too many.

use super::side_by_side::Outcome;
use crate::control::{Control, Uncontrolled};

/// In peace and in overload, the share of protected requests that is answered in time when they are served.
pub(crate) const SERVED: f64 = 0.9;
/// Below this share they are not served.
pub(crate) const LOST: f64 = 0.75;
/// Of the load that is too much, the share that is answered in time when it was no overload.
pub(crate) const NO_OVERLOAD: f64 = 0.75;
/// So few requests decide nothing.
const ENOUGH: usize = 10;

impl Outcome {
    /// Returns true if they were served, false if they were not, and nothing when it is neither.
    pub(crate) fn are_served(self) -> Option<bool> {
        if self.strict.sent >= ENOUGH && self.strict.share() >= SERVED {
            Some(true)
        } else if self.lenient.sent >= ENOUGH && self.lenient.share() < LOST {
            Some(false)
        } else {
            None
        }
    }

    /// Returns true if the load was more than the service can do.
    pub(crate) fn is_too_much(self) -> bool {
        self.lenient.sent >= ENOUGH && self.lenient.share() < NO_OVERLOAD
    }

    /// The outcome as people read it.
    pub(crate) fn told(self) -> String {
        format!("{} of {} in time", self.strict.in_time, self.strict.sent)
    }

    /// The control that these requests are served in peace, `least` of them.
    ///
    /// # Errors
    /// When they are not: then nothing is said of an overload.
    pub(crate) fn in_peace(self, least: f64) -> Result<Control, Uncontrolled> {
        Control::peace(self.strict.in_time, self.strict.sent, least)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::mixture::Served;
    use super::*;

    /// An outcome of which so many of a hundred were in time, and so many when keel's own lateness is granted.
    pub(crate) fn outcome(strict: usize, lenient: usize) -> Outcome {
        let served = |in_time| Served { sent: 100, in_time, refused: 0 };
        Outcome { strict: served(strict), lenient: served(lenient) }
    }

    #[test]
    fn nine_of_ten_are_served_and_fewer_than_three_of_four_are_not() {
        assert_eq!(outcome(90, 90).are_served(), Some(true));
        assert_eq!(outcome(89, 89).are_served(), None);
        assert_eq!(outcome(75, 75).are_served(), None);
        assert_eq!(outcome(74, 74).are_served(), Some(false));
    }

    #[test]
    fn lateness_of_the_generator_speaks_neither_for_nor_against() {
        assert_eq!(outcome(40, 80).are_served(), None);
        assert_eq!(outcome(80, 100).are_served(), None);
        assert!(outcome(40, 74).is_too_much() && !outcome(40, 75).is_too_much());
    }

    #[test]
    fn few_requests_decide_nothing() {
        let few = |in_time| {
            let served = Served { sent: 9, in_time, refused: 0 };
            Outcome { strict: served, lenient: served }
        };
        assert_eq!((few(9).are_served(), few(0).are_served()), (None, None));
        assert!(!few(0).is_too_much());
    }
}
