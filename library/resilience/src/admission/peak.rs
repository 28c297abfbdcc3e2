//! Peak of a rate, and the number of cheap requests in flight that are harmless at that rate.
//!
//! A limit that is cut too deep cuts the throughput as well, and a low throughput then seems to confirm it. That happens where requests are late for
//! another reason than those in flight: on an event loop with many connections a request waits for its turn behind refusals, however few are admitted.
//! Where an answer takes no more time than some refusals, a refusal saves little: by Little's law, as many requests as are answered within a share of the
//! objective add no more than that share to the latency of each.

/// Seconds after which a peak counts for half as much.
const HALF: f64 = 20.0;
/// Time of the processor that a refusal takes with its share of the event loop, in seconds.
const REFUSAL: f64 = 50e-6;
/// An answer that takes so many refusals is not cheap: at this share of a refusal in answers nothing is harmless.
const CHEAP: f64 = 0.05;
/// The share of the objective that requests in flight may take grows by this part of the rest, up to the most.
const GROWTH: f64 = 1.2;
const MOST: f64 = 0.5;
/// The present rate may have fallen to one in so many of the peak: after a lower one the work is another.
const FALLEN: f64 = 4.0;

/// The highest rate of late, in events per second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Peak {
    rate: f64,
    at: f64,
}

impl Peak {
    /// Notes the present rate.
    pub(super) fn note(&mut self, now: f64, rate: f64) {
        if rate >= self.get(now) {
            *self = Self { rate, at: now };
        }
    }

    fn get(&self, now: f64) -> f64 {
        if now <= self.at {
            return self.rate;
        }
        self.rate * (-(now - self.at) / HALF).exp2()
    }

    /// Requests in flight that are harmless at the present rate, with an objective in seconds.
    pub(super) fn harmless(&self, now: f64, rate: f64, objective: f64, cores: f64) -> f64 {
        let peak = self.get(now);
        let share = (GROWTH * (REFUSAL * peak / cores - CHEAP)).clamp(0.0, MOST);
        share * objective * peak.min(FALLEN * rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cheap_requests_may_be_many_and_those_that_take_a_millisecond_are_left_to_the_limit() {
        let harmless = |rate: f64| {
            let mut peak = Peak::default();
            peak.note(10.0, rate);
            peak.harmless(10.0, rate, 0.5, 1.0)
        };
        // Those that take a millisecond each.
        assert_eq!(harmless(1000.0), 0.0);
        assert!((40.0..80.0).contains(&harmless(2000.0)), "they take 40 ms together at most");
        assert!((300.0..400.0).contains(&harmless(4000.0)), "of a quarter of a millisecond");
        assert!(harmless(40_000.0) <= 10_000.0, "half of the objective");
    }

    #[test]
    fn a_peak_is_forgotten_when_the_work_is_another_or_long_ago() {
        let mut peak = Peak::default();
        peak.note(10.0, 4000.0);
        peak.note(10.1, 10.0);
        assert!(peak.harmless(10.1, 1500.0, 0.5, 1.0) > 300.0, "a cut has made the rate lower");
        assert!(peak.harmless(10.1, 10.0, 0.5, 1.0) < 5.0, "requests take a hundred times as long now");
        assert!(peak.harmless(10.0 + 4.0 * HALF, 4000.0, 0.5, 1.0) < 50.0);
    }
}
