//! One seed for a whole run, so that it repeats.
//!
//! Each part derives a generator of its own by name: that one part draws more does not change what another draws.

use std::time::{SystemTime, UNIX_EPOCH};

use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;

/// The seed of a run. Print it with what was found, so that the run can be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// Returns a seed from the clock and the process id, for a run that does not repeat an earlier one.
    pub fn fresh() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Which of the higher bits are lost does not matter: the lower ones change most.
        let nanoseconds = since_epoch.as_nanos() as u64;
        Self(nanoseconds ^ (u64::from(std::process::id()) << 48))
    }

    /// The generator of one part. The same seed and name give the same numbers, on every machine and in every version.
    pub fn generator(self, part: &str) -> ChaCha12Rng {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.0.to_le_bytes());
        seed[8..16].copy_from_slice(&fnv1a(part).to_le_bytes());
        ChaCha12Rng::from_seed(seed)
    }
}

/// FNV-1a with 64 bits (Fowler, Noll, Vo; RFC 9923): stable, where the standard library's hasher may change.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn a_seed_repeats_and_its_parts_differ() {
        let draw = |seed: u64, part: &str| Seed(seed).generator(part).next_u64();
        assert_eq!(draw(7, "arrivals"), draw(7, "arrivals"));
        assert_ne!(draw(7, "arrivals"), draw(7, "mix"));
        assert_ne!(draw(7, "arrivals"), draw(8, "arrivals"));
    }
}
