//! Head sampling by consistent probability.
//!
//! Source: OpenTelemetry, "TraceState: Probability Sampling" and the samplers of `OTEL_TRACES_SAMPLER`.

use std::str::FromStr;

use vitals::TraceContext;

/// One more than the largest randomness of a trace.
const RANGE: u64 = 1 << 56;

/// Decides at the head of a request whether its trace is sampled.
///
/// A share `p` of all traces is sampled: those whose randomness is at least `(1 - p) * 2^56`. Each service of a trace sees the same randomness, so
/// that one with a larger share samples all traces that one with a smaller share does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampler {
    /// The least randomness that is sampled; [`RANGE`] samples none.
    threshold: u64,
    /// True when a caller's decision is taken over.
    parent_based: bool,
}

/// A sampler that is not known, or a share that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} {expected}")]
pub struct InvalidSampler {
    given: String,
    expected: &'static str,
}

/// The names that OpenTelemetry gives the samplers.
const KNOWN: &str = "is no sampler that is known: expected always_on, always_off, traceidratio, parentbased_always_on, \
                     parentbased_always_off or parentbased_traceidratio";

impl Sampler {
    /// Samples a share of the traces, from 0 to 1, that no caller has decided about.
    ///
    /// # Errors
    /// When the share is not between 0 and 1.
    pub fn share(share: f64) -> Result<Self, InvalidSampler> {
        if !(0.0..=1.0).contains(&share) {
            return Err(InvalidSampler {
                given: share.to_string(),
                expected: "is no share: expected a number from 0 to 1",
            });
        }
        let threshold = ((1.0 - share) * RANGE as f64).round() as u64;
        Ok(Self { threshold: threshold.min(RANGE), parent_based: true })
    }

    /// The sampler of this name of `OTEL_TRACES_SAMPLER`, with the share of `OTEL_TRACES_SAMPLER_ARG` where it has one.
    ///
    /// # Errors
    /// [`InvalidSampler`], with the known names.
    pub fn named(name: &str, share: f64) -> Result<Self, InvalidSampler> {
        let (kind, parent_based) = match name.strip_prefix("parentbased_") {
            Some(kind) => (kind, true),
            None => (name, false),
        };
        let share = match kind {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => share,
            _ => return Err(InvalidSampler { given: name.to_owned(), expected: KNOWN }),
        };
        Ok(Self { parent_based, ..Self::share(share)? })
    }

    /// Returns true when the trace is sampled.
    pub(crate) fn samples(&self, trace: &TraceContext, has_parent: bool) -> bool {
        if self.follows(has_parent) { trace.is_sampled() } else { trace.randomness() >= self.threshold }
    }

    /// Returns true when the caller's decision is taken over.
    pub(crate) fn follows(&self, has_parent: bool) -> bool {
        has_parent && self.parent_based
    }

    /// The threshold as the key `th` of a trace state: hexadecimal digits without zeros at the end.
    pub(crate) fn threshold(&self) -> String {
        let digits = format!("{:014x}", self.threshold.min(RANGE - 1));
        match digits.trim_end_matches('0') {
            "" => "0".to_owned(),
            digits => digits.to_owned(),
        }
    }
}

impl FromStr for Sampler {
    type Err = InvalidSampler;

    /// A name without a share, which is 1.
    fn from_str(name: &str) -> Result<Self, InvalidSampler> {
        Self::named(name, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trace(randomness: u64) -> TraceContext {
        format!("00-ffffffffffffffffff{randomness:014x}-b7ad6b7169203331-00").parse().unwrap()
    }

    #[test]
    fn a_share_samples_the_traces_with_the_largest_randomness() {
        let half = Sampler::share(0.5).unwrap();
        assert!(half.samples(&trace(RANGE / 2), false) && !half.samples(&trace(RANGE / 2 - 1), false));
        assert_eq!(half.threshold(), "8");
        let all = Sampler::share(1.0).unwrap();
        assert!(all.samples(&trace(0), false));
        assert_eq!(all.threshold(), "0");
        assert!(!Sampler::share(0.0).unwrap().samples(&trace(RANGE - 1), false));
    }

    #[test]
    fn only_a_parent_based_sampler_follows_its_caller() {
        let (follows, own) = (Sampler::named("parentbased_traceidratio", 0.0), Sampler::named("traceidratio", 0.0));
        let sampled = trace(RANGE - 1).with_sampled(true);
        assert!(follows.unwrap().samples(&sampled, true));
        assert!(!own.unwrap().samples(&sampled, true));
    }

    #[test]
    fn unknown_names_and_shares_are_refused_with_what_is_expected() {
        assert!("parentbased_jaeger_remote".parse::<Sampler>().unwrap_err().to_string().contains("traceidratio"));
        for share in [-0.1, 1.1, f64::NAN] {
            assert!(Sampler::share(share).unwrap_err().to_string().contains("from 0 to 1"));
        }
    }

    proptest! {
        #[test]
        fn a_larger_share_samples_all_traces_of_a_smaller_one(a in 0.0..=1.0, b in 0.0..=1.0, bits in 0..RANGE) {
            let (small, large) = (f64::min(a, b), f64::max(a, b));
            let sampled = |share| Sampler::share(share).unwrap().samples(&trace(bits), false);
            prop_assert!(!sampled(small) || sampled(large));
        }
    }
}
