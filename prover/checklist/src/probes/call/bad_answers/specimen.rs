//! Servers for `call.bad-answers`.

use crate::probes::call::specimen::{ALOOF, DEPENDENCY, Flaw, GOOD, INVENTING, REMEMBERING, ask};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("answers 503 to what is not a whole, short answer"),
    REMEMBERING.holds("answers with the last price instead, and says that it is stale"),
    INVENTING.falls_short("answers with a price of zero instead").liar(),
    Server::new("call-trusting", |port| ask(Flaw::Trusting, port))
        .falls_short("passes any answer on as its own success"),
    Server::new("call-greedy", |port| ask(Flaw::Greedy, port))
        .falls_short("reads the whole answer before it looks, up to 256 MiB"),
    Server::new("call-mortal", |port| ask(Flaw::Mortal, port)).falls_short("ends when a call fails"),
    ALOOF.is_unknown("was not seen to call"),
    DEPENDENCY.is_called(),
];
