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

/// A timer that is later than this shows a queue of tasks.
const LATE: f64 = 0.005;
/// Threads that are busy for more than this share of the time are saturated.
const BUSY: f64 = 0.9;
/// Share by which a report moves the busy share: it is averaged over about 50 ms.
const STEP: f64 = 0.2;
/// Reports without evidence after which there is no overload: 100 ms.
const CALM: u32 = 10;
/// Seconds for which a report is valid: when the next one does not come, the processors are too busy to make it.
const VALID: f64 = 0.03;

/// Whether the processors have time to spare.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    busy: f64,
    calm: u32,
    idle_until: f64,
}

impl Evidence {
    /// Nothing is known, which counts as overload: a gate to which nobody reports keeps its limit.
    pub(super) const fn new() -> Self {
        Self { busy: 0.0, calm: CALM, idle_until: f64::NEG_INFINITY }
    }

    /// Takes a report.
    pub(super) fn report(&mut self, now: f64, processors: Processors) {
        let Processors { late, busy } = processors;
        self.busy += STEP * (busy.clamp(0.0, 1.0) - self.busy);
        if late.as_secs_f64() > LATE || self.busy > BUSY {
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
