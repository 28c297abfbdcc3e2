//! Servers for `call.timeout`.

use crate::clause::call::timeout as clause;
use crate::probes::call::specimen::{ALOOF, DEPENDENCY, Flaw, GOOD, ask};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds_but_for(&[clause::CONNECT, clause::TLS], "ends a call after a second"),
    Server::new("call-patient", |port| ask(Flaw::Patient, port)).falls_short("waits for an answer for ever"),
    ALOOF.is_unknown("was not seen to call"),
    DEPENDENCY.is_called(),
];
