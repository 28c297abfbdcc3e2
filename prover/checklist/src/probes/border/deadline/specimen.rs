//! Servers for `border.deadline`.

use crate::clause::border::deadline as clause;
use crate::probes::border::specimen::flaw::Flaw;
use crate::probes::border::specimen::{PLAIN, SOUND, things_with};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    SOUND.holds("answers 504 in time and stops working"),
    Server::new("border-never-gives-up", |port| things_with(Flaw::NeverGivesUp, port))
        .falls_short("a slow request takes as long as it takes"),
    Server::new("border-works-on", |port| things_with(Flaw::WorksOn, port))
        .falls_short("answers 504 in time and works on"),
    Server::new("border-leaks-calls", |port| things_with(Flaw::LeaksCalls, port))
        .falls_short("answers 504 in time, and its calls wait on")
        .liar(),
    Server::new("border-waits-for-bytes", |port| things_with(Flaw::WaitsForBytes, port))
        .falls_short("gives up a silent dependency, not one that drips")
        .liar(),
    Server::new("border-keeps-connections", |port| things_with(Flaw::KeepsConnections, port)).holds_but_for(
        &[clause::CANCELLED],
        "answers 500 once for a kept connection that was reset, and 504 in time while its dependency is silent",
    ),
    PLAIN.is_called(),
];
