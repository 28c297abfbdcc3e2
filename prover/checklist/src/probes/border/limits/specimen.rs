//! Servers for `border.limits`.

use crate::probes::border::specimen::flaw::Flaw;
use crate::probes::border::specimen::{PLAIN, SOUND, UNLIMITED, things_with};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    SOUND.holds("answers 431, 414 and 413"),
    Server::new("border-one-at-a-time", |port| things_with(Flaw::OneAtATime, port))
        .holds("has one worker, which waits for slow clients as long as it may and answers 431, 414 and 413"),
    UNLIMITED.falls_short("takes any size, count and framing"),
    PLAIN.falls_short("has no limits"),
    Server::new("border-takes-long-notes", |port| things_with(Flaw::TakesLongNotes, port))
        .falls_short("limits every body but that of one write")
        .liar(),
];
