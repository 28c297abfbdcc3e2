//! Servers for `access.secrets`.

use crate::probes::ship::specimen::{Flaw, GOOD, keep};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("keeps its secrets to itself"),
    Server::new("secrets-printing", |port| keep(Flaw::Printing, port))
        .falls_short("prints the password of its database"),
    Server::new("secrets-telling", |port| keep(Flaw::Telling, port)).falls_short("answers its environment"),
    Server::new("secrets-eavesdropping", |port| keep(Flaw::Eavesdropping, port))
        .falls_short("prints the credentials of its clients"),
];
