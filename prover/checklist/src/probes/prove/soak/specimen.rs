//! Servers for `prove.soak`: those of `life.steady`, which judges alike.

use crate::probes::life::steady::specimen::{GOOD, LEAKS_DESCRIPTORS};
use crate::specimen::Specimen;

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] =
    &[GOOD.holds("keeps nothing"), LEAKS_DESCRIPTORS.falls_short("keeps descriptors").liar()];
