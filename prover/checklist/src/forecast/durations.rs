//! Durations of probes, for the estimate of the remaining time.

use std::time::Duration;

/// The estimate of a probe that was not measured, in seconds.
const USUAL: u64 = 5;

/// The seconds that each probe took, measured on the reference service and on Python's file server, the longer of the two. A service
/// that never gives up what is slow takes longer, one that refuses at once less.
const SECONDS: &[(&str, u64)] = &[
    ("call.timeout", 14),
    ("call.deadline", 26),
    ("call.retry", 30),
    ("call.retry-budget", 24),
    ("call.breaker", 18),
    ("call.breaker-manual", 7),
    ("call.bulkhead", 16),
    ("call.cpu-bulkhead", 11),
    ("call.fallback", 3),
    ("call.bad-answers", 16),
    ("call.balance", 43),
    ("call.discovery", 42),
    ("call.hedge", 26),
    ("call.jitter", 27),
    ("border.shed", 22),
    ("border.backpressure", 1),
    ("border.criticality", 40),
    ("border.bulkhead", 20),
    ("border.rate-limit", 2),
    ("border.limits", 10),
    ("border.slow-clients", 90),
    ("border.connections", 63),
    ("border.deadline", 14),
    ("border.problem", 4),
    ("border.idempotency", 14),
    ("border.pagination", 2),
    ("border.openapi", 3),
    ("border.unenumerable", 2),
    ("border.compress", 1),
    ("border.validation", 1),
    ("border.cacheable", 1),
    ("web.headers", 1),
    ("web.cookies", 1),
    ("web.csrf", 1),
    ("access.secrets", 10),
    ("life.kill", 12),
    ("data.clean", 1),
    ("data.integrity", 5),
    ("data.purge", 5),
    ("ratchet.steps", 8),
    ("ratchet.events", 5),
    ("ratchet.dead-letters", 3),
    ("ratchet.jobs", 40),
    ("life.leader", 12),
    ("life.drain", 20),
    ("life.start", 18),
    ("life.manager", 17),
    ("life.autoscale", 35),
    ("life.steady", 24),
    ("data.location", 14),
    ("see.logs", 19),
    ("see.metrics", 9),
    ("see.health", 5),
    ("see.query", 3),
    ("see.traces", 30),
    ("see.alerts", 1),
    ("see.dashboards", 1),
    ("see.slo", 11),
    ("ship.make", 1),
    ("ship.config", 4),
    ("ship.supply-chain", 1),
    ("prove.load", 16),
    ("prove.stress", 31),
    ("prove.attack", 74),
    ("prove.soak", 21),
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
