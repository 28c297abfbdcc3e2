//! Servers for `call.timeout`.

use crate::probes::call::specimen::{ALOOF, DEPENDENCY, Flaw, GOOD, ask};
use crate::specimen::{Server, Specimen};

mod multiplexed;

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("ends a call after a second"),
    Server::new("call-multiplexed", multiplexed::share).holds("ends calls and keeps the connection that they share"),
    Server::new("call-patient", |port| ask(Flaw::Patient, port)).falls_short("waits for an answer for ever"),
    Server::new("call-leaking", |port| ask(Flaw::Leaking, port))
        .falls_short("answers in time, and leaves its call waiting")
        .liar(),
    Server::new("call-unconnected", |port| ask(Flaw::Unconnected, port))
        .falls_short("waits for a connection as long as the system does"),
    ALOOF.is_unknown("was not seen to call"),
    DEPENDENCY.is_called(),
    Server::new("call-bus", multiplexed::echo).is_called(),
];
