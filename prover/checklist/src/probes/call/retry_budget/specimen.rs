//! Servers for `call.retry-budget`.

use crate::probes::call::specimen::protected::{PICKY, RETRYING, SHY, STUBBORN, THRIFTY, Way, ask};
use crate::probes::call::specimen::{DEPENDENCY, GOOD};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    RETRYING.holds("pays repeats from a budget"),
    THRIFTY.holds("pays repeats from a budget that is empty at first"),
    PICKY.holds("pays repeats of calls that are hung up on"),
    Server::new("calls-sparing", |port| ask(Way::Sparing, port)).holds("pays repeats above a breaker from a budget"),
    Server::new("calls-weary", |port| ask(Way::Weary, port))
        .falls_short("repeats above a breaker without a budget")
        .liar(),
    STUBBORN.falls_short("repeats without a budget"),
    SHY.is_unknown("its breaker hides repeats"),
    GOOD.does_not_apply("does not repeat"),
    DEPENDENCY.is_called(),
];
