//! Servers for `call.retry`.

use crate::clause::call::retry as clause;
use crate::probes::call::specimen::protected::{PICKY, RETRYING, SHY, STUBBORN, THRIFTY, Way, ask};
use crate::probes::call::specimen::{DEPENDENCY, GOOD};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    RETRYING.holds("repeats after growing, random pauses"),
    THRIFTY.holds("repeats from a budget that is empty at first"),
    PICKY.holds_but_for(&[clause::RETRY_AFTER], "repeats calls that are hung up on"),
    Server::new("calls-careless", |port| ask(Way::Careless, port)).falls_short("repeats orders too"),
    Server::new("calls-tireless", |port| ask(Way::Tireless, port))
        .falls_short("repeats eight times, however late it is")
        .liar(),
    STUBBORN.falls_short("repeats at once"),
    GOOD.falls_short("does not repeat"),
    SHY.is_unknown("its breaker hides repeats"),
    DEPENDENCY.is_called(),
];
