//! Servers for `data.location`.

use crate::clause::data::location as clause;
use crate::probes::ship::specimen::{Flaw, GOOD, keep};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds_but_for(&[clause::QUOTA], "writes where it was declared, and refuses when the disk is full"),
    Server::new("data-scattered", |port| keep(Flaw::Scattered, port)).falls_short("writes into the working folder too"),
    Server::new("data-moments", |port| keep(Flaw::Moments, port))
        .falls_short("appends to a file deep below the working folder, which it opens and closes each time")
        .liar(),
    Server::new("data-forgetful", |port| keep(Flaw::Forgetful, port))
        .falls_short("does not read its file again when it starts"),
    Server::new("data-open-elsewhere", |port| keep(Flaw::OpenElsewhere, port))
        .falls_short("holds a file elsewhere open for writing"),
    Server::new("data-nowhere", |port| keep(Flaw::Nowhere, port)).is_unknown("does not write where it was declared"),
    Server::new("data-careless", |port| keep(Flaw::Careless, port))
        .falls_short("acknowledges what the disk does not take"),
    Server::new("data-mortal", |port| keep(Flaw::Mortal, port)).falls_short("ends when the disk is full"),
];
