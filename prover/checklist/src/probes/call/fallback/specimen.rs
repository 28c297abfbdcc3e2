//! Servers for `call.fallback`.

use crate::probes::call::specimen::{ALOOF, DEPENDENCY, Flaw, GOOD, INVENTING, REMEMBERING, ask};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("goes on with what does not need the dependency"),
    REMEMBERING.holds("answers with the last price, and says that it is stale"),
    INVENTING.falls_short("answers with a price of zero and says nothing").liar(),
    Server::new("call-forgetful", |port| ask(Flaw::Forgetful, port))
        .is_unknown("answers with the last price as if it were the current one"),
    Server::new("call-entangled", |port| ask(Flaw::Entangled, port))
        .falls_short("asks the dependency for every request"),
    ALOOF.is_unknown("was not seen to call"),
    DEPENDENCY.is_called(),
];
