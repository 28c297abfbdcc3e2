//! Servers for `border.pagination`.

use crate::probes::border::specimen::flaw::Flaw;
use crate::probes::border::specimen::{SOUND, things_with};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    SOUND.holds("has opaque cursors and bounded pages"),
    Server::new("border-offsets", |port| things_with(Flaw::Offsets, port)).falls_short("its cursor is an offset"),
    Server::new("border-dressed-offsets", |port| things_with(Flaw::DressedOffsets, port))
        .falls_short("its cursor looks like nothing and is an offset")
        .liar(),
    Server::new("border-lists-all", |port| things_with(Flaw::ListsAll, port))
        .falls_short("lists everything and ignores the requested page size"),
];
