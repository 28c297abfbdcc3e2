//! The limits of both listeners, from the settings.

use std::time::Duration;

use border::Limits;

use crate::settings::Standard;

/// Descriptors kept for files, the store and calls.
const DESCRIPTORS_KEPT: u64 = 256;
/// The deadline of requests to the admin listener.
const ADMIN_DEADLINE: Duration = Duration::from_secs(10);

/// The limits of the public listener.
pub(crate) fn public(standard: &Standard) -> Limits {
    let limits = Limits {
        connections: standard.max_connections.min(descriptors_for_connections()),
        connections_per_address: standard.max_connections_per_address,
        in_flight: standard.max_in_flight,
        // A quarter is for other addresses; of a few, all but one.
        in_flight_per_address: standard.max_in_flight
            - standard.max_in_flight.div_ceil(4).min(standard.max_in_flight - 1),
        body_bytes: standard.max_body_bytes,
        deadline: standard.deadline,
        idle_timeout: standard.idle_timeout,
        ..Limits::default()
    };
    #[cfg(feature = "without-guards")]
    let limits = standard.without.limits(limits);
    limits
}

/// The limits of the admin listener.
pub(crate) fn admin(standard: &Standard) -> Limits {
    Limits { deadline: ADMIN_DEADLINE, ..public(standard) }
}

/// The file descriptors that this process may open, without those that it needs itself.
fn descriptors_for_connections() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let kept = limit.unwrap_or(1024).saturating_sub(DESCRIPTORS_KEPT).max(16);
    usize::try_from(kept).unwrap_or(usize::MAX)
}
