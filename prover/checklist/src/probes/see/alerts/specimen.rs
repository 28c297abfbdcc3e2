//! Files for `see.alerts`, beside one server.

use crate::clause::see::alerts as clause;
use crate::probes::border::specimen::PLAIN;
use crate::probes::see::ops_specimen::{BLIND, GOOD};
use crate::probes::see::specimen::{Flaw, tell};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("pages on a recorded ratio of errors, with a playbook, and compares its rules with the code"),
    Server::new("ops-elsewhere", |port| tell(Flaw::None, port))
        .holds("pages on the rate of requests without recording rules, and links to its playbook by URL"),
    BLIND.holds_but_for(&[clause::GENERATED], "its check compares nothing"),
    Server::new("ops-cpu", |port| tell(Flaw::None, port)).falls_short("pages on CPU time"),
    Server::new("ops-many", |port| tell(Flaw::None, port)).falls_short("has eleven alerts"),
    Server::new("ops-no-playbook", |port| tell(Flaw::None, port))
        .falls_short("links to a playbook that does not exist")
        .liar(),
    Server::new("ops-renamed", |port| tell(Flaw::None, port))
        .falls_short("pages on a metric of errors that it does not publish")
        .liar(),
    Server::new("ops-by-hand", |port| tell(Flaw::None, port)).falls_short("has a threshold that was changed by hand"),
    PLAIN.is_unknown("has no files that are declared"),
];
