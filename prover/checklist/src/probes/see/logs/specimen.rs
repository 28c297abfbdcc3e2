//! Servers for `see.logs`.

use crate::clause::see::logs as clause;
use crate::probes::border::specimen::PLAIN;
use crate::probes::call::specimen::DEPENDENCY;
use crate::probes::see::specimen::{Flaw, GOOD, tell};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("prints JSON with ids and a bound, exports the same, and waits for no reader"),
    Server::new("see-clear-full", |port| tell(Flaw::ClearFull, port))
        .holds("refuses to start on a full disk, and says why"),
    Server::new("see-metrics-alone", |port| tell(Flaw::MetricsAlone, port))
        .holds_but_for(&[clause::OTLP], "exports metrics over OTLP, and no log records"),
    Server::new("see-log-file", |port| tell(Flaw::LogFile, port))
        .holds_but_for(&[clause::FILES], "writes its lines into a file as well"),
    Server::new("see-blocks", |port| tell(Flaw::Blocks, port)).falls_short("waits for the reader of its output"),
    Server::new("see-blocks-late", |port| tell(Flaw::BlocksLate, port))
        .falls_short("prints from a thread of its own, and waits for it once its queue is full"),
    Server::new("see-dies-gone", |port| tell(Flaw::DiesGone, port)).falls_short("ends when its reader is gone"),
    Server::new("see-spins-gone", |port| tell(Flaw::SpinsGone, port))
        .falls_short("goes on answering when its reader is gone, and spins"),
    Server::new("see-vague-full", |port| tell(Flaw::VagueFull, port))
        .falls_short("ends with code 0 and without a word on a full disk"),
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
