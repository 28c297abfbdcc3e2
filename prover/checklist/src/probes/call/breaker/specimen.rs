//! Servers for `call.breaker`.

use crate::clause::call::breaker as clause;
use crate::probes::call::specimen::protected::{Way, ask};
use crate::probes::call::specimen::{DEPENDENCY, GOOD};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("calls-breaking", |port| ask(Way::Breaking, port))
        .holds_but_for(&[clause::SLOW_CALLS], "has a breaker"),
    GOOD.falls_short("has no breaker"),
    Server::new("calls-forgiving", |port| ask(Way::Forgiving, port)).falls_short("its breaker only counts answers"),
    DEPENDENCY.is_called(),
];
