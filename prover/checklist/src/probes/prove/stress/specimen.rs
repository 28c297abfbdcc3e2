//! Servers for `prove.stress`.

use crate::probes::border::specimen::loaded::{REFUSES, WAITS};
use crate::specimen::Specimen;

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] =
    &[REFUSES.holds("refuses at once what it has no place for"), WAITS.falls_short("lets everybody wait")];
