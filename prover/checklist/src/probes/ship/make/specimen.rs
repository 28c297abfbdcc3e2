//! Servers for `ship.make`, which reads the declared repository: one server with other files each time.

use crate::probes::ship::specimen::{Flaw, GOOD, keep};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("make-sound", |port| keep(Flaw::None, port)).holds("make knows the usual targets, and CI calls it"),
    Server::new("make-absent", |port| keep(Flaw::None, port)).falls_short("has no Makefile"),
    Server::new("make-promises", |port| keep(Flaw::None, port))
        .falls_short("its targets only print what they would do one day")
        .liar(),
    GOOD.is_unknown("no repository is declared"),
];
