//! Streaming quantile estimate in one number.

/// Share by which the estimate moves at most with a sample.
const STEP: f64 = 0.05;

/// Estimate of a quantile of positive numbers: multiplicative steps, up and down in the ratio of the quantile (a stochastic
/// approximation; Robbins and Monro, "A Stochastic Approximation Method", Annals of Mathematical Statistics 22, 1951).
#[derive(Clone, Copy, Debug)]
pub(super) struct Quantile {
    of: f64,
    value: f64,
}

impl Quantile {
    /// Creates the estimate of the quantile `of`, between 0 and 1; 0 before the first sample.
    pub(super) const fn new(of: f64) -> Self {
        Self { of, value: 0.0 }
    }

    /// Takes a sample.
    pub(super) fn add(&mut self, sample: f64) {
        let sample = sample.max(1e-9);
        if self.value <= 0.0 {
            self.value = sample;
        } else if sample > self.value {
            self.value *= 1.0 + STEP * self.of;
        } else {
            self.value *= 1.0 - STEP * (1.0 - self.of);
        }
    }

    /// Returns the estimate; 0 before the first sample.
    pub(super) const fn get(&self) -> f64 {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_settle_near_the_quantile_of_a_uniform_spread() {
        for of in [0.1, 0.5, 0.9, 0.98] {
            let mut quantile = Quantile::new(of);
            for index in 0..20_000_u64 {
                // A full cycle of a linear congruence: uniform over 0..1, in no order.
                quantile.add(((index * 7919) % 10_007) as f64 / 10_007.0);
            }
            assert!((quantile.get() - of).abs() < 0.1, "{of}: {}", quantile.get());
        }
    }
}
