//! Servers for `prove.soak`: those of `life.steady`, which judges alike.

use crate::clause::prove::soak as clause;
use crate::probes::life::steady::specimen::{GOOD, LEAKS_DESCRIPTORS};
use crate::specimen::Specimen;

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds_but_for(&[clause::MEMORY, clause::DESCRIPTORS], "keeps nothing, as far as a short run shows"),
    LEAKS_DESCRIPTORS.falls_short("keeps descriptors").liar(),
];
