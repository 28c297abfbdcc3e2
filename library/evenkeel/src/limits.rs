//! The limits of both listeners, from the settings.

use std::time::Duration;

use border::Limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::settings::Standard;

/// Connections open at once on the admin listener.
const ADMIN_CONNECTIONS: usize = 256;
/// The deadline of requests to the admin listener.
const ADMIN_DEADLINE: Duration = Duration::from_secs(10);

/// The most file descriptors that are asked for: the default bounds of connections, as many calls, and room for files.
const DESCRIPTORS: u64 = 65_536;

/// The number of file descriptors that this process may open, once its soft limit is raised to what its hard limit allows, up to
/// [`DESCRIPTORS`]. Shells and process managers start most programs with 1,024, for the sake of those that use `select`.
fn descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let now = limit.current.unwrap_or(u64::MAX);
    let raised = limit.maximum.unwrap_or(u64::MAX).min(DESCRIPTORS);
    if raised > now && setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit }).is_ok() {
        return raised;
    }
    now
}

/// The limits of the public listener, as the service changes them, and of the admin listener. They share the descriptors of the process.
pub(crate) fn of_listeners(standard: &Standard, change: impl FnOnce(&mut Limits)) -> (Limits, Limits) {
    let mut public = Limits::default().with(|limits| {
        limits.connections = standard.max_connections;
        limits.connections_per_address = standard.max_connections_per_address;
        if limits.connections_per_address >= limits.connections {
            limits.leave_connections_to_others();
        }
        limits.in_flight = standard.max_in_flight;
        // A quarter is for other addresses; of a few, all but one.
        let others = standard.max_in_flight.div_ceil(4).min(standard.max_in_flight - 1);
        limits.in_flight_per_address = standard.max_in_flight - others;
        limits.body_bytes = standard.max_body_bytes;
        limits.deadline = standard.deadline;
        limits.idle_timeout = standard.idle_timeout;
        standard.proxies.set(limits);
    });
    #[cfg(feature = "without-guards")]
    {
        public = standard.without.limits(public);
    }
    let mut admin = public.clone().with(|limits| {
        limits.connections = ADMIN_CONNECTIONS;
        limits.deadline = ADMIN_DEADLINE;
        // Health, metrics and the levers are never shed.
        limits.objective = None;
        // Operators and their tools come to this listener without the proxies of the public one.
        limits.trusted_proxies.clear();
        limits.proxy_protocol = false;
    });
    change(&mut public);
    Limits::share_descriptors(descriptors(), [&mut public, &mut admin]);
    (public, admin)
}
