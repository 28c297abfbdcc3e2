//! Servers for `border.problem`.

use crate::probes::border::specimen::flaw::Flaw;
use crate::probes::border::specimen::{PLAIN, SOUND, things_with};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    SOUND.holds("answers every error with a problem document"),
    Server::new("border-plain-errors", |port| things_with(Flaw::PlainErrors, port))
        .falls_short("its errors are plain text"),
    Server::new("border-leaks", |port| things_with(Flaw::Leaks, port))
        .falls_short("its problem documents show the inside"),
    Server::new("border-leaks-in-report", |port| things_with(Flaw::LeaksInReport, port))
        .falls_short("one of its errors shows the inside")
        .liar(),
    PLAIN.falls_short("its errors are HTML and show a path"),
];
