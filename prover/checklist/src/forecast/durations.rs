//! How long probes take, to tell the time that is left. Measured; a probe that is not listed takes [`USUAL`].

use std::time::Duration;

use crate::probe::PROBE_BOUND;
use crate::subject::{Dependencies, Subject};

/// The estimate of a probe that was not measured, in seconds.
const USUAL: f64 = 5.0;

/// The deadline of a subject counts up to so much: probes are bounded.
const MOST_DEADLINE: f64 = 30.0;

/// An attribute, the seconds that its probe takes by itself, and the deadlines of the subject that it waits for with each dependency.
#[rustfmt::skip]
const SECONDS: &[(&str, f64, f64)] = &[
];

/// The estimated duration of the probe of an attribute.
pub(super) fn of(id: &str, subject: &Subject) -> Duration {
    let known = SECONDS.iter().find(|(known, ..)| *known == id);
    let (fixed, deadlines) = known.map_or((USUAL, 0.0), |(_, fixed, deadlines)| (*fixed, *deadlines));
    let deadline = subject.deadline.as_secs_f64().min(MOST_DEADLINE);
    let dependencies = match &subject.dependencies {
        Dependencies::Declared(declared) => declared.len(),
        Dependencies::Unsaid => 0,
    };
    let waits = deadlines * deadline * dependencies as f64;
    Duration::from_secs_f64(fixed + waits).min(PROBE_BOUND)
}

/// The attributes whose probes were measured.
#[cfg(test)]
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    SECONDS.iter().map(|(id, ..)| *id)
}
