//! Servers for `access.secrets`.

use crate::clause::access::secrets as clause;
use crate::probes::ship::specimen::{Flaw, GOOD, keep};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds_but_for(&[clause::NOT_IN_CODE, clause::ROTATION], "keeps its secrets to itself"),
    Server::new("secrets-filing", |port| keep(Flaw::Filing, port))
        .falls_short("prints nothing, and writes the credentials of its clients into a file")
        .liar(),
    Server::new("secrets-logins", |port| keep(Flaw::Logins, port)).falls_short("prints the whole form of each login"),
    Server::new("secrets-printing", |port| keep(Flaw::Printing, port))
        .falls_short("prints the password of its database"),
    Server::new("secrets-telling", |port| keep(Flaw::Telling, port)).falls_short("answers its environment"),
    Server::new("secrets-eavesdropping", |port| keep(Flaw::Eavesdropping, port))
        .falls_short("prints the credentials of its clients"),
];
