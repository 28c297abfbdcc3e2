//! Servers for `prove.attack`.

use crate::probes::border::specimen::{FORGETS_KEYS, SOUND, STARVES, UNLIMITED};
use crate::specimen::Specimen;

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    SOUND.holds("refuses and bounds"),
    UNLIMITED.falls_short("takes both lengths of a request"),
    STARVES.falls_short("anybody can take its few connections"),
    FORGETS_KEYS.falls_short("takes a replayed key anew"),
];
