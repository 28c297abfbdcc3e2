//! The one source of randomness: the operating system's by default, a seed's in a simulation.

use std::sync::{Mutex, OnceLock, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

static SEEDED: OnceLock<Mutex<StdRng>> = OnceLock::new();

/// Seeds all randomness of this process from now on, for tests and simulations; a further seed begins anew.
pub fn seed_entropy(seed: u64) {
    let anew = || StdRng::seed_from_u64(seed);
    *SEEDED.get_or_init(|| Mutex::new(anew())).lock().unwrap_or_else(PoisonError::into_inner) = anew();
}

/// Fills `bytes` with unguessable bytes (a ChaCha generator a thread, seeded by the operating system).
pub fn fill_entropy(bytes: &mut [u8]) {
    match SEEDED.get() {
        None => rand::rng().fill(bytes),
        Some(seeded) => seeded.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes),
    }
}

/// A random number of 64 bits, for jitter and choices.
pub fn entropy() -> u64 {
    let mut bytes = [0; 8];
    fill_entropy(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// A number from 0 to below 1, each as likely, for jitter and choices by share.
pub fn random_fraction() -> f64 {
    (entropy() >> 11) as f64 / (1_u64 << 53) as f64
}
