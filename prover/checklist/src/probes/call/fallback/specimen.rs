//! Servers for `call.fallback`.

use crate::clause::call::fallback as clause;
use crate::probes::call::specimen::{ALOOF, DEPENDENCY, Flaw, GOOD, ask};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds_but_for(&[clause::SAID_SO], "goes on with what does not need the dependency"),
    Server::new("call-entangled", |port| ask(Flaw::Entangled, port))
        .falls_short("asks the dependency for every request"),
    ALOOF.is_unknown("was not seen to call"),
    DEPENDENCY.is_called(),
];
