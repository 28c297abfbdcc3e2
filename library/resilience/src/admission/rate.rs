//! Rate of events, averaged over a time.

/// Shortest span, as a share of the memory, by which a young rate is divided.
const YOUNGEST: f64 = 0.05;
/// Age in memories from which a rate has no youth: the correction is below the precision of the numbers.
const OLD: f64 = 40.0;

/// Exponentially decaying rate, corrected for its youth: it is right from a tenth of its memory on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// Seconds over which the rate is averaged.
    memory: f64,
    begun: f64,
    at: f64,
    weight: f64,
}

impl Rate {
    /// Creates the rate of no events, to be averaged over this many seconds.
    pub(super) const fn over(memory: f64) -> Self {
        Self { memory, begun: 0.0, at: 0.0, weight: 0.0 }
    }

    /// Counts an event.
    pub(super) fn add(&mut self, now: f64) {
        if self.weight <= 0.0 {
            (self.begun, self.at) = (now, now);
        }
        self.weight = self.decayed(now) + 1.0;
        self.at = now;
    }

    /// Returns the events per second.
    pub(super) fn get(&self, now: f64) -> f64 {
        if self.weight <= 0.0 {
            return 0.0;
        }
        let age = ((now - self.begun) / self.memory).max(YOUNGEST);
        let seen = if age < OLD { 1.0 - (-age).exp() } else { 1.0 };
        self.decayed(now) / (self.memory * seen)
    }

    /// Returns the events per second over the memory, also where it began later: of a burst that ends soon it is little.
    pub(super) fn settled(&self, now: f64) -> f64 {
        self.decayed(now) / self.memory
    }

    fn decayed(&self, now: f64) -> f64 {
        // Mostly asked for at the moment of its last event.
        if now <= self.at {
            return self.weight;
        }
        self.weight * (-(now - self.at) / self.memory).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_a_high_rate_for_a_moment_and_no_settled_one() {
        let mut rate = Rate::over(1.0);
        (0..172).for_each(|event| rate.add(10.0 + f64::from(event) / 20_000.0));
        assert!(rate.get(10.01) > 2000.0 && rate.settled(10.01) < 200.0, "{}", rate.get(10.01));
    }

    #[test]
    fn a_steady_rate_is_found_early_and_forgotten_when_it_ends() {
        let mut rate = Rate::over(1.0);
        assert_eq!(rate.get(5.0), 0.0);
        for event in 0..1000 {
            let now = 10.0 + f64::from(event) / 200.0;
            rate.add(now);
            if event > 40 {
                assert!((rate.get(now) / 200.0 - 1.0).abs() < 0.1, "{event}: {}", rate.get(now));
            }
        }
        assert!(rate.get(25.0) < 1.0);
    }
}
