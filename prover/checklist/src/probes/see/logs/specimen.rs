//! Servers for `see.logs`.

use crate::clause::see::logs as clause;
use crate::probes::border::specimen::PLAIN;
use crate::probes::call::specimen::DEPENDENCY;
use crate::probes::see::specimen::{Flaw, GOOD, tell};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds_but_for(&[clause::OTLP, clause::FILES], "prints JSON with ids and a bound"),
    Server::new("see-text-logs", |port| tell(Flaw::TextLogs, port)).falls_short("prints text"),
    Server::new("see-leaky-logs", |port| tell(Flaw::LeakyLogs, port))
        .falls_short("prints the request with its headers, query and body"),
    Server::new("see-boundless-logs", |port| tell(Flaw::BoundlessLogs, port))
        .falls_short("prints a line for each request, however many"),
    Server::new("see-ten-lines", |port| tell(Flaw::TenLines, port))
        .falls_short("prints ten lines for each request, and answers so slowly that a flood of requests is thin")
        .liar(),
    Server::new("see-anonymous", |port| tell(Flaw::Anonymous, port)).falls_short("prints no ids"),
    PLAIN.falls_short("prints nothing"),
    DEPENDENCY.is_called(),
];
