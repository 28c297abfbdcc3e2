//! Servers for `see.metrics`.

use crate::clause::see::metrics as clause;
use crate::probes::border::specimen::PLAIN;
use crate::probes::call::specimen::DEPENDENCY;
use crate::probes::see::specimen::{Flaw, GOOD, tell};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("counts requests by route and status, with their times, and exports the same"),
    Server::new("see-no-exports", |port| tell(Flaw::NoExports, port))
        .holds_but_for(&[clause::OTLP], "exports nothing over OTLP"),
    Server::new("see-since-start", |port| tell(Flaw::SinceStart, port))
        .holds_but_for(&[clause::PERCENTILES], "tells quantiles of all requests since its start"),
    Server::new("see-one-bound", |port| tell(Flaw::OneBound, port)).falls_short("has histograms with one bound"),
    Server::new("see-too-early", |port| tell(Flaw::TooEarly, port))
        .falls_short("stops the clock of its histograms before the handler is called")
        .liar(),
    Server::new("see-raw-paths", |port| tell(Flaw::RawPaths, port)).falls_short("counts by the path as it came"),
    Server::new("see-standing-still", |port| tell(Flaw::StandingStill, port)).falls_short("counts nothing").liar(),
    Server::new("see-no-saturation", |port| tell(Flaw::NoSaturation, port)).falls_short("shows no gauge"),
    Server::new("see-no-status", |port| tell(Flaw::NoStatus, port)).falls_short("has one counter for all statuses"),
    Server::new("see-go-numbers", |port| tell(Flaw::GoNumbers, port))
        .holds("writes a number that is none as Nan, as Go reads it"),
    Server::new("see-no-calls", |port| tell(Flaw::NoCalls, port))
        .holds_but_for(&[clause::EVERY_PART], "shows nothing of the dependency among its metrics"),
    Server::new("see-bad-line", |port| tell(Flaw::BadLine, port)).falls_short("has a line that is no metric"),
    Server::new("see-no-metrics", |port| tell(Flaw::NoMetrics, port)).falls_short("its metrics are no metrics"),
    PLAIN.is_unknown("has no metrics, and none are declared"),
    DEPENDENCY.is_called(),
];
