//! Servers for `border.openapi`.

use crate::clause::border::openapi as clause;
use crate::probes::border::specimen::flaw::Flaw;
use crate::probes::border::specimen::{PLAIN, SOUND, things_with};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    SOUND.holds_but_for(&[clause::FROM_CODE], "does as its document says"),
    Server::new("border-undocumented", |port| things_with(Flaw::Undocumented, port))
        .falls_short("its document lacks an operation")
        .liar(),
    Server::new("border-fragile", |port| things_with(Flaw::Fragile, port))
        .falls_short("answers 500 to a member of the wrong type"),
    Server::new("border-no-document", |port| things_with(Flaw::NoDocument, port))
        .falls_short("has an API and no document"),
    Server::new("border-yaml", |port| things_with(Flaw::Yaml, port))
        .holds_but_for(&[clause::FROM_CODE], "does as its document in YAML says"),
    Server::new("border-broken-yaml", |port| things_with(Flaw::BrokenYaml, port))
        .is_unknown("has a document that keel cannot read"),
    PLAIN.is_unknown("has no document, and no API that was declared"),
];
