//! Durations of probes, for the estimate of the remaining time.

use std::time::Duration;

/// The estimate of a probe that was not measured, in seconds.
const USUAL: u64 = 5;

/// The seconds that each probe took on the reference service, or more where others take much longer. A service that has no limits of
/// connections or never gives up what is slow takes longer by minutes, one that refuses at once less.
const SECONDS: &[(&str, u64)] = &[
    ("call.timeout", 12),
    ("call.deadline", 13),
    ("call.retry", 18),
    ("call.retry-budget", 16),
    ("call.breaker", 10),
    ("call.breaker-manual", 2),
    ("call.bulkhead", 8),
    ("call.cpu-bulkhead", 10),
    ("call.fallback", 4),
    ("call.bad-answers", 13),
    ("call.balance", 20),
    ("call.discovery", 15),
    ("call.hedge", 14),
    ("call.jitter", 11),
    ("border.shed", 22),
    ("border.backpressure", 1),
    ("border.criticality", 38),
    ("border.bulkhead", 10),
    ("border.rate-limit", 2),
    ("border.limits", 1),
    ("border.slow-clients", 45),
    ("border.connections", 2),
    ("border.deadline", 14),
    ("border.problem", 4),
    ("border.idempotency", 3),
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
    ("data.integrity", 4),
    ("data.purge", 4),
    ("ratchet.steps", 8),
    ("ratchet.events", 6),
    ("ratchet.dead-letters", 3),
    ("ratchet.jobs", 26),
    ("life.leader", 11),
    ("life.drain", 20),
    ("life.start", 18),
    ("life.manager", 17),
    ("life.autoscale", 14),
    ("life.steady", 15),
    ("data.location", 5),
    ("see.logs", 12),
    ("see.metrics", 8),
    ("see.health", 6),
    ("see.query", 2),
    ("see.outliers", 3),
    ("see.errors", 6),
    ("see.console", 5),
    ("see.traces", 15),
    ("see.alerts", 1),
    ("see.dashboards", 1),
    ("see.slo", 11),
    ("ship.make", 1),
    ("ship.config", 4),
    ("ship.supply-chain", 1),
    ("prove.load", 9),
    ("prove.stress", 23),
    ("prove.attack", 25),
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
