//! The probes of chapter `web`.

use crate::probe::Probe;

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod testing;

pub mod cookies;
pub mod csrf;
pub mod headers;
pub mod robots;
pub mod tls;

/// In the order in which they run: add yours at its place.
pub const PROBES: &[Probe] = &[headers::PROBE, cookies::PROBE, robots::PROBE, csrf::PROBE, tls::PROBE];
