//! Judges the course of signals: up under load, down after it, and not up beside a slow dependency.

use crate::clause::life::autoscale as clause;
use crate::finding::Evidence;

/// The words for a rise.
pub(super) const RISES: &str = "rises";
/// The share of its target by which a signal must rise.
const OF_TARGET: f64 = 0.2;
/// The share of its value in peace by which it must rise, where its target is not known.
const OF_PEACE: f64 = 0.5;
/// The least rise of any signal.
const LEAST: f64 = 0.01;

/// The means of a signal.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Course {
    pub(super) shown: String,
    pub(super) target: Option<f64>,
    pub(super) peace: f64,
    pub(super) load: f64,
    /// True if it fell after the load.
    pub(super) falls: bool,
    /// Beside a slow dependency; none when that was not tried.
    pub(super) slow: Option<f64>,
}

/// The least rise of a signal that counts.
fn least(target: Option<f64>, peace: f64) -> f64 {
    target.map_or(peace.abs() * OF_PEACE, |target| target * OF_TARGET).max(LEAST)
}

/// Returns true if a signal rises from its mean in peace to that under load.
pub(super) fn has_risen(target: Option<f64>, peace: f64, load: f64) -> bool {
    load - peace >= least(target, peace)
}

impl Course {
    /// Returns true if it rises under load.
    pub(super) fn rises(&self) -> bool {
        has_risen(self.target, self.peace, self.load)
    }

    /// Returns true if it rises beside a slow dependency by half of what it does under load, or by as much as a signal must.
    fn rises_beside(&self, slow: f64) -> bool {
        let half = if self.rises() { (self.load - self.peace) / 2.0 } else { 0.0 };
        slow - self.peace >= half.max(least(self.target, self.peace))
    }
}

/// Judges the signals under load: one must rise, and each that rises must fall.
pub(super) fn judge_load(courses: &[Course]) -> Vec<Evidence> {
    let rising: Vec<&Course> = courses.iter().filter(|course| course.rises()).collect();
    if rising.is_empty() {
        let told: Vec<String> =
            courses.iter().map(|of| format!("{} from {:.2} to {:.2}", of.shown, of.peace, of.load)).collect();
        return vec![clause::SIGNALS.contradicts(format!("no signal rises under load: {}", told.join("; ")))];
    }
    let still = courses.iter().filter(|course| !course.rises());
    let judged = rising.iter().map(|course| {
        let what = format!("under load {} rises from {:.2} to {:.2}", course.shown, course.peace, course.load);
        match course.falls {
            true => clause::SIGNALS.holds(format!("{what}, and falls after it")),
            false => clause::SIGNALS.contradicts(format!("{what}, and stays there after it")),
        }
    });
    let figures = still.map(|course| {
        clause::SIGNALS.figure(format!(
            "{} does not rise under this load: {:.2}, then {:.2}",
            course.shown, course.peace, course.load
        ))
    });
    judged.chain(figures).collect()
}

/// Judges the signals beside a slow dependency; `told` says what was sent.
pub(super) fn judge_slow(courses: &[Course], told: &str) -> Vec<Evidence> {
    let seen = courses.iter().filter_map(|course| Some((course, course.slow?)));
    seen.map(|(course, slow)| {
        let (shown, peace, load) = (&course.shown, course.peace, course.load);
        let what = format!("with {told}, {shown} is {slow:.2}; in peace {peace:.2}, under load {load:.2}");
        clause::DEPENDENCY.saw(!course.rises_beside(slow), what)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(peace: f64, load: f64, slow: f64) -> Course {
        Course { shown: "full".to_owned(), target: Some(0.6), peace, load, falls: true, slow: Some(slow) }
    }

    fn bearings(pieces: &[Evidence]) -> Vec<bool> {
        pieces.iter().filter(|piece| piece.decides()).map(Evidence::is_for).collect()
    }

    #[test]
    fn one_signal_must_rise_under_load_and_fall_after_it() {
        assert_eq!(bearings(&judge_load(&[course(0.0, 0.7, 0.0), course(0.1, 0.1, 0.1)])), [true]);
        assert_eq!(bearings(&judge_load(&[course(0.1, 0.1, 0.1)])), [false]);
        assert_eq!(bearings(&judge_load(&[course(0.5, 0.6, 0.1)])), [false], "less than a fifth of its target");
        let stays = Course { falls: false, ..course(0.0, 0.7, 0.0) };
        assert_eq!(bearings(&judge_load(&[stays])), [false]);
    }

    #[test]
    fn no_signal_may_rise_beside_a_slow_dependency() {
        let judged = |course: Course| bearings(&judge_slow(&[course], "64 at a time"));
        assert_eq!(judged(course(0.0, 0.7, 0.05)), [true]);
        assert_eq!(judged(course(0.0, 0.7, 0.34)), [true], "less than half");
        assert_eq!(judged(course(0.0, 0.7, 0.36)), [false]);
        assert_eq!(judged(course(0.0, 0.0, 0.5)), [false], "it rises by nothing else");
        assert_eq!(judged(Course { target: None, ..course(1.0, 4.0, 1.2) }), [true]);
    }
}
