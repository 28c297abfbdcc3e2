//! Evidence that the processors are overloaded: late timers, busy threads, and requests that were unread for long.
//!
//! The limit of all requests binds only then. Requests that wait for a dependency are no work, and any number of them fits.

use std::time::Duration;

/// The processors over the last moment, as the process itself sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Processors {
    /// Time by which a timer of 10 ms came late.
    pub late: Duration,
    /// Share of the time since the last report in which the threads of the runtime were busy, from 0 to 1.
    pub busy: f64,
}

/// A timer that is later than this shows a queue of tasks, if the threads were busy for more than this share of the time: else other programs had the
/// processors.
const LATE: f64 = 0.005;
const BUSY_WHEN_LATE: f64 = 0.5;
/// Threads that are busy for more than this share of the time are saturated.
const BUSY: f64 = 0.9;
/// Share by which a report moves the busy share: it is averaged over about 50 ms.
const STEP: f64 = 0.2;
/// Reports without evidence after which there is no overload: 100 ms.
const CALM: u32 = 10;
/// Seconds for which a report is valid: when the next one does not come, the processors are too busy to make it.
const VALID: f64 = 0.03;

/// Evidence of the last reports.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    busy: f64,
    calm: u32,
    idle_until: f64,
}

impl Evidence {
    /// Creates the evidence of no reports, which counts as an overload: a gate without reports keeps its limit.
    pub(super) const fn new() -> Self {
        Self { busy: 0.0, calm: CALM, idle_until: f64::NEG_INFINITY }
    }

    /// Takes a report.
    pub(super) fn report(&mut self, now: f64, processors: Processors) {
        let Processors { late, busy } = processors;
        self.busy += STEP * (busy.clamp(0.0, 1.0) - self.busy);
        let is_late = late.as_secs_f64() > LATE && busy > BUSY_WHEN_LATE;
        if is_late || self.busy > BUSY {
            self.overload();
            return;
        }
        self.calm = (self.calm + 1).min(CALM);
        if self.calm >= CALM {
            self.idle_until = now + VALID;
        }
    }

    /// Notes evidence of an overload.
    pub(super) fn overload(&mut self) {
        (self.calm, self.idle_until) = (0, f64::NEG_INFINITY);
    }

    /// Returns true while nothing shows an overload.
    pub(super) fn is_idle(&self, now: f64) -> bool {
        now < self.idle_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: f64 = 0.01;

    /// Reports from this moment on, this many; returns the moment of the last one.
    fn report(evidence: &mut Evidence, from: f64, reports: u32, late_ms: u64, busy: f64) -> f64 {
        (0..reports).for_each(|number| {
            let processors = Processors { late: Duration::from_millis(late_ms), busy };
            evidence.report(from + TICK * f64::from(number), processors);
        });
        from + TICK * f64::from(reports - 1)
    }

    #[test]
    fn processors_are_idle_while_reports_come_and_show_no_overload() {
        let mut evidence = Evidence::new();
        assert!(!evidence.is_idle(0.0), "nothing is known");
        let now = report(&mut evidence, 0.0, 1, 0, 0.3);
        assert!(evidence.is_idle(now));
        assert!(!evidence.is_idle(now + 2.0 * VALID), "the next report is overdue");
    }

    #[test]
    fn a_late_timer_of_busy_threads_is_an_overload_until_reports_are_calm_for_a_while() {
        let mut evidence = Evidence::new();
        report(&mut evidence, 0.0, 1, 0, 0.3);
        let now = report(&mut evidence, 1.0, 1, 20, 0.8);
        assert!(!evidence.is_idle(now));
        let now = report(&mut evidence, now + TICK, CALM - 1, 0, 0.3);
        assert!(!evidence.is_idle(now));
        let now = report(&mut evidence, now + TICK, 1, 0, 0.3);
        assert!(evidence.is_idle(now));
    }

    #[test]
    fn a_late_timer_of_idle_threads_is_the_work_of_other_programs() {
        let mut evidence = Evidence::new();
        let now = report(&mut evidence, 0.0, 20, 50, 0.1);
        assert!(evidence.is_idle(now));
    }

    #[test]
    fn threads_that_are_always_busy_are_an_overload_although_no_timer_is_late() {
        let mut evidence = Evidence::new();
        let now = report(&mut evidence, 0.0, 100, 0, 0.85);
        assert!(evidence.is_idle(now));
        let now = report(&mut evidence, 1.0, 20, 0, 1.0);
        assert!(!evidence.is_idle(now));
    }
}
