//! Durations of probes, for the estimate of the remaining time.

use std::time::Duration;

/// The estimate of a probe that was not measured, in seconds.
const USUAL: u64 = 5;

/// The seconds that each probe took, measured on the reference service and on Python's file server, the longer of the two. A service
/// that never gives up what is slow takes longer, one that refuses at once less.
const SECONDS: &[(&str, u64)] = &[
    ("call.timeout", 25),
    ("call.deadline", 35),
    ("call.retry", 36),
    ("call.retry-budget", 26),
    ("call.breaker", 25),
    ("call.breaker-manual", 9),
    ("call.bulkhead", 18),
    ("call.cpu-bulkhead", 14),
    ("call.fallback", 3),
    ("call.bad-answers", 21),
    ("call.balance", 40),
    ("call.discovery", 37),
    ("call.hedge", 32),
    ("call.jitter", 25),
    ("border.shed", 7),
    ("border.rate-limit", 4),
    ("border.limits", 100),
    ("border.slow-clients", 100),
    ("border.connections", 63),
    ("border.deadline", 29),
    ("border.problem", 1),
    ("border.idempotency", 15),
    ("border.pagination", 1),
    ("border.openapi", 1),
    ("border.unenumerable", 1),
    ("border.compress", 1),
    ("border.cacheable", 1),
    ("web.headers", 1),
    ("web.cookies", 1),
    ("web.csrf", 1),
    ("access.secrets", 6),
    ("life.kill", 5),
    ("life.drain", 3),
    ("life.start", 8),
    ("life.manager", 6),
    ("life.steady", 25),
    ("data.location", 6),
    ("see.logs", 6),
    ("see.metrics", 1),
    ("see.health", 5),
    ("ship.make", 1),
    ("ship.config", 5),
    ("ship.supply-chain", 1),
    ("prove.load", 8),
    ("prove.attack", 79),
    ("prove.soak", 30),
];

/// The estimated duration of the probe of an attribute.
pub(super) fn of(id: &str) -> Duration {
    let known = SECONDS.iter().find(|(known, _)| *known == id);
    Duration::from_secs(known.map_or(USUAL, |(_, seconds)| *seconds))
}

/// The attributes whose probes were measured.
#[cfg(test)]
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    SECONDS.iter().map(|(id, _)| *id)
}
