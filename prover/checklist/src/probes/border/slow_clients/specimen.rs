//! Servers for `border.slow-clients`.

use crate::probes::border::specimen::flaw::Flaw;
use crate::probes::border::specimen::{SOUND, things_with};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    SOUND.holds("cuts slow connections after two seconds"),
    Server::new("border-patient", |port| things_with(Flaw::Patient, port))
        .falls_short("waits for slow clients for ever"),
    Server::new("border-waits-for-notes", |port| things_with(Flaw::WaitsForNotes, port))
        .falls_short("cuts every slow body but that of one write")
        .liar(),
];
