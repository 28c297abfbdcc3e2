//! Servers for `border.unenumerable`.

use crate::probes::border::specimen::flaw::Flaw;
use crate::probes::border::specimen::{SOUND, things_with};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    SOUND.holds("has random identifiers"),
    Server::new("border-counts", |port| things_with(Flaw::Counts, port)).falls_short("its identifiers count up"),
    Server::new("border-counts-in-uuids", |port| things_with(Flaw::CountsInUuids, port))
        .falls_short("its identifiers look like UUIDs and count up")
        .liar(),
];
