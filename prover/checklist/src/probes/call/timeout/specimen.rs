//! Servers for `call.timeout`.

use crate::probes::call::specimen::{ALOOF, DEPENDENCY, Flaw, GOOD, ask};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("ends a call after a second"),
    Server::new("call-patient", |port| ask(Flaw::Patient, port)).falls_short("waits for an answer for ever"),
    ALOOF.is_unknown("was not seen to call"),
    DEPENDENCY.is_called(),
];
