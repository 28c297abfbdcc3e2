//! Servers for `prove.attack`.

use crate::clause::prove::attack as clause;
use crate::probes::border::specimen::{FORGETS_KEYS, SOUND, STARVES, UNLIMITED};
use crate::specimen::Specimen;

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    SOUND.holds_but_for(&[clause::ENUMERATION, clause::REPLAY, clause::EVERY_RELEASE], "refuses and bounds"),
    UNLIMITED.falls_short("takes both lengths of a request"),
    STARVES.falls_short("anybody can take its few connections"),
    FORGETS_KEYS.falls_short("takes a replayed key anew").liar(),
];
