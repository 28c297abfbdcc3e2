//! Servers for `call.breaker`.

use crate::clause::call::breaker as clause;
use crate::probes::call::specimen::protected::{RATIONED, Way, ask};
use crate::probes::call::specimen::{DEPENDENCY, GOOD};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("calls-observant", |port| ask(Way::Observant, port))
        .holds("has a breaker that counts late calls as well"),
    Server::new("calls-breaking", |port| ask(Way::Breaking, port))
        .holds_but_for(&[clause::SLOW_CALLS], "has a breaker that counts failures"),
    GOOD.falls_short("has no breaker"),
    Server::new("calls-forgiving", |port| ask(Way::Forgiving, port))
        .falls_short("its breaker only counts answers")
        .liar(),
    Server::new("calls-crowded", |port| ask(Way::Crowded, port))
        .is_unknown("its breaker only counts answers, and a bound of calls hides that")
        .liar(),
    RATIONED.is_unknown("a rate limit spares calls as a breaker would").liar(),
    DEPENDENCY.is_called(),
];
