//! Servers for `see.health`.

use crate::probes::call::specimen::DEPENDENCY;
use crate::probes::see::specimen::{Flaw, GOOD, tell};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("says what runs and shows a sick dependency"),
    Server::new("see-bare-health", |port| tell(Flaw::BareHealth, port)).falls_short("its health is the word ok"),
    Server::new("see-blind", |port| tell(Flaw::Blind, port)).falls_short("its health does not show the dependency"),
    Server::new("see-dying-with-others", |port| tell(Flaw::DyingWithOthers, port))
        .falls_short("its liveness asks the dependency"),
    Server::new("see-page-for-all", |port| tell(Flaw::PageForAll, port))
        .is_unknown("every path answers 200 with a page"),
    Server::new("see-echo-for-all", |port| tell(Flaw::EchoForAll, port))
        .is_unknown("every path answers 200 with a page that repeats it"),
    Server::new("see-counts-requests", |port| tell(Flaw::CountsRequests, port))
        .falls_short("its health shows how many requests are in flight, and nothing of the dependency")
        .liar(),
    Server::new("see-counts-timeouts", |port| tell(Flaw::CountsTimeouts, port))
        .holds("its health counts the timeouts of the dependency"),
    DEPENDENCY.is_called(),
];
